package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nova/channels/rest"
	"nova/channels/ussd"
	"nova/channels/ussd/native"
	"nova/channels/web"
	"nova/configs"
	"nova/core/clock"
	"nova/core/reports"
	"nova/sessions/rates"
	"nova/sql"
)

func serveCommand() *cobra.Command {
	var roles []string
	serve := &cobra.Command{
		Use:   "serve",
		Short: "Serve gateways and apps from DATABASE_URL and REDIS_URL, as configured",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := configs.Load(os.Environ())
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("roles") {
				config.Roles = roles
			}
			if err := config.Check(); err != nil {
				return err
			}
			return serveUntilStopped(cmd.Context(), config, func(net.Addr) {})
		},
	}
	serve.Flags().StringSliceVar(&roles, "roles", nil, "what this process does: ussd, rest, worker, console (default: as configured)")
	return serve
}

// serveUntilStopped runs a server until ctx ends, and then drains it. ready is called once it listens.
func serveUntilStopped(ctx context.Context, config configs.Config, ready func(net.Addr)) (err error) {
	growHeap()
	if err := schemaFits(ctx, config); err != nil {
		return err
	}
	log := newLogger(config)
	p, err := open(ctx, config, log, clock.System{})
	if err != nil {
		return err
	}
	defer func() {
		// The context that stopped the server is over; closing has its own time.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.ShutdownAfter)
		defer cancel()
		err = errors.Join(err, p.close(closing))
	}()
	s, err := newServer(p)
	if err != nil {
		return err
	}
	return s.run(ctx, ready)
}

// schemaFits refuses a database that lacks what this build needs. One that is ahead is fine: the schema is migrated
// first, while nodes of the version before still run on it.
func schemaFits(ctx context.Context, config configs.Config) error {
	current, newest, err := sql.Version(ctx, config.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	if current < newest {
		return fmt.Errorf("the database has schema version %d, and this build needs %d: run nova migrate first", current, newest)
	}
	return nil
}

func newLogger(config configs.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(config.LogLevel)); err != nil {
		level = slog.LevelInfo // Check has refused every other word
	}
	return web.NewLogger(os.Stderr, level, config.LogFormat)
}

// server is a process's doors and workers.
type server struct {
	*parts
	app  *web.App
	hops *ussd.Pipeline
}

// newServer mounts the doors that the roles ask for.
func newServer(p *parts) (*server, error) {
	hops, err := p.pipeline()
	if err != nil {
		return nil, err
	}
	s := &server{parts: p, hops: hops}
	if s.app, err = s.house(); err != nil {
		return nil, err
	}
	if p.config.Has(configs.RoleUSSD) {
		gateways, err := gateways(p.config)
		if err != nil {
			return nil, err
		}
		native.Mount(s.app, hops)
		if err := ussd.Mount(s.app, hops, gateways); err != nil {
			return nil, err
		}
	}
	rest.Mount(s.app, rest.Options{
		HealthOnly: !p.config.Has(configs.RoleREST),
		Tokens:     p.tokens, Ledger: p.ledger, Transactions: p.transactions, Pages: p.keyring.Body, Clock: p.clock,
		Bank: p.bank, Approvals: p.approvals, Products: p.products, Bodies: p.keyring.Body, Statements: reports.NewStatements(reports.StatementOptions{
			Books: p.ledger, Facts: p.transactions, Clock: p.clock, Location: p.location,
		}),
		Ops:  p.ops(),
		Apps: s.apps(),
		Health: rest.NewHealth(rest.HealthOptions{
			Version: version, Draining: s.app.Draining, Clock: p.clock, Logger: p.log, Checks: s.checks(),
		}),
	})
	return s, nil
}

// apps are what lets people's apps in.
func (s *server) apps() rest.Apps {
	return rest.Apps{
		SignIns: s.signIns, OTPs: s.otps, Devices: s.devices, StepUps: s.stepUps, Proofs: s.identity, Tokens: s.tokens,
		People: s.customers, Workers: s.agents, Errands: s.payments, Region: s.config.Region,
		Lookups: newLookups(s.sessions.Rates(), s.config.LookupsPerHour),
	}
}

// house is the app before it has a route.
func (s *server) house() (*web.App, error) {
	proxies, err := web.ParseNetworks(s.config.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	door := s.hops.WebDoor()
	door.Limit = &rates.Limit{Name: "gateway.address", Rate: s.config.GatewayCallsPerMinute, Per: time.Minute}
	return web.New(web.Options{
		Version: version, Logger: s.log, Clock: s.clock, Metrics: s.metrics, Tokens: s.tokens, InFlight: s.config.InFlight,
		Deadline: s.config.Deadline, Doors: []web.Door{door}, Rates: s.sessions.Rates(),
		CallsPerMinute: s.config.CallsPerMinute, Proxies: proxies, PublicURL: s.config.PublicURL,
		Policies: s.policies.Unrecorded(), Audit: s.audit, Devices: s.devices, StepUps: s.stepUps,
	}), nil
}

// oldNotice is when a notice that still waits shows that no worker sends.
const oldNotice = 10 * time.Minute

// checks are what health looks at. Without PostgreSQL nothing works; without Redis nobody can dial.
func (s *server) checks() []rest.Check {
	return []rest.Check{
		{Name: "postgres", Probe: s.db.Ping, Vital: true},
		{Name: "redis", Probe: s.sessions.Ping, Vital: true},
		{Name: "outbox", Probe: func(ctx context.Context) error {
			counts, err := s.outbox.Counts(ctx)
			if waited := s.clock.Now().Sub(counts.Oldest); err == nil && counts.Queued > 0 && waited > oldNotice {
				err = fmt.Errorf("the oldest of %d notices has waited for %s", counts.Queued, waited)
			}
			return err
		}},
	}
}

// run listens, works and drains.
func (s *server) run(ctx context.Context, ready func(net.Addr)) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.config.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listen (%s says where): %w", httpAddrVariable, err)
	}
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return s.app.Serve(listener) })
	work.Go(func() error { return s.drain(running) })
	if s.config.AdminAddr != "" {
		work.Go(func() error { return s.admin(running) })
	}
	if s.config.Has(configs.RoleWorker) {
		s.startWorkers(running, work)
	}
	s.log.Info("serving", slog.String("address", listener.Addr().String()), slog.Any("roles", s.config.Roles))
	ready(listener.Addr())
	return work.Wait()
}

// drain stops taking requests when ctx ends, and waits for those under way.
func (s *server) drain(ctx context.Context) error {
	<-ctx.Done()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownAfter)
	defer cancel()
	s.log.Info("draining")
	return errors.Join(s.app.Shutdown(ending), s.hops.Close(ending))
}

// admin serves metrics to operators. A taken port is no reason not to serve people.
func (s *server) admin(ctx context.Context) error {
	admin := web.NewAdmin(s.metrics, s.config.Pprof)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.config.AdminAddr)
	if err != nil {
		s.log.Warn("no metrics: the admin address is taken", slog.String("address", s.config.AdminAddr), slog.Any("error", err))
		return nil
	}
	stopped := context.AfterFunc(ctx, func() { _ = admin.Close() }) // scrapers ask again
	defer stopped()
	if err := admin.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: %w", err)
	}
	return nil
}
