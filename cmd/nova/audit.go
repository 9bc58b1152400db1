package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nova/channels/outbound/checkpoints"
	"nova/configs"
	"nova/core/audit"
	"nova/core/clock"
)

// auditEvery is how often what was recorded is sealed: an event that is not sealed yet could be changed unseen.
const auditEvery = time.Second

// auditCheckpoints is where the audit chain's checkpoints are kept: beside those of the books.
func auditCheckpoints(config configs.Config) string {
	return filepath.Join(config.CheckpointsDir, "audit")
}

// openAudit starts the log of acts that have no transaction of their own.
func (p *parts) openAudit(context.Context) error {
	node, err := os.Hostname()
	if err != nil {
		node = "nameless" // only people read it
	}
	if p.auditPoints, err = checkpoints.Open(auditCheckpoints(p.config), node); err != nil {
		return err
	}
	p.audit = audit.NewLog(audit.LogOptions{DB: p.db, Clock: p.clock, Logger: p.log})
	p.metrics.Registry().MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "nova_audit_lost_total", Help: "Audit events that stand in the log and not in the database.",
		}, func() float64 { return float64(p.audit.Lost()) }), //nolint:forbidigo // a count, not money
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "nova_audit_waiting", Help: "Audit events in memory that wait to be written.",
		}, func() float64 { return float64(p.audit.Waiting()) }), //nolint:forbidigo // a count, not money
	)
	return nil
}

// sealAudit chains what was recorded and signs where the chain stands. A round's seals are not worth a line in the log.
func (s *server) sealAudit(ctx context.Context, work *errgroup.Group) {
	sealer := audit.NewSealer(s.db, s.clock)
	points := audit.NewCheckpointer(s.db, s.clock, s.sealer, s.auditPoints)
	s.every(ctx, work, "seal audit events", auditEvery, func(ctx context.Context) (int, error) {
		if _, err := sealer.Seal(ctx); err != nil {
			return 0, err
		}
		return 0, points.Write(ctx)
	})
}

func auditCommand() *cobra.Command {
	record := &cobra.Command{Use: "audit", Short: "Look at the record of privileged and security acts"}
	record.AddCommand(auditVerifyCommand())
	return record
}

func auditVerifyCommand() *cobra.Command {
	var since string
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Prove the audit record: events from seals, seals from checkpoints; name the first breach",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			day, err := sinceDay(since)
			if err != nil {
				return err
			}
			return withBooks(cmd.Context(), func(ctx context.Context, b *bookkeeper) error {
				return b.verifyAudit(ctx, cmd, day)
			})
		},
	}
	verify.Flags().StringVar(&since, "since", "", sinceUsage)
	return verify
}

func (b *bookkeeper) verifyAudit(ctx context.Context, cmd *cobra.Command, since clock.Day) error {
	began := clock.System{}.Now()
	log, err := checkpoints.Open(auditCheckpoints(b.config), "reader")
	if err != nil {
		return err
	}
	events := audit.NewEvents(b.db)
	report, err := events.Verify(ctx)
	if err != nil {
		return err
	}
	if report.Breach != "" {
		return fmt.Errorf("the audit record is wrong: %s", report.Breach)
	}
	points, err := events.CheckCheckpoints(ctx, log, b.keys, since)
	if err != nil {
		return err
	}
	if points.Breach != "" {
		return fmt.Errorf("the audit record is wrong: %s", points.Breach)
	}
	took := clock.System{}.Now().Sub(began)
	_, _ = fmt.Fprintf(cmd.OutOrStdout(),
		"the audit record is right: %d events, %d seals, %d checkpoints, %d events not sealed yet%s, in %s\n",
		report.Events, report.Seals, points.Checkpoints, report.Unsealed, waitingSince(report), took.Round(time.Millisecond))
	return nil
}

// waitingSince tells how long a sealer has not come by; nothing where nothing waits.
func waitingSince(r audit.Report) string {
	if r.Unsealed == 0 {
		return ""
	}
	return " (since " + r.Since.Format(time.RFC3339) + ")"
}
