package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nova/channels/outbound/checkpoints"
	"nova/configs"
	"nova/core/clock"
	"nova/core/ledger"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// maxProof bounds a proof that is read from a file.
const maxProof = 32 << 20

func ledgerCommand() *cobra.Command {
	books := &cobra.Command{Use: "ledger", Short: "Look at the books"}
	books.AddCommand(verifyCommand(), proofCommand(), keyCommand(), closeDayCommand(), daysCommand(), suspenseCommand())
	return books
}

// bookkeeper is what the commands on the books need of a configuration.
type bookkeeper struct {
	config configs.Config
	db     *sql.DB
	store  *ledger.Store
	log    *checkpoints.Log
	keys   *secret.Signer
}

// withBooks runs a command on the books that the configuration names.
func withBooks(ctx context.Context, do func(ctx context.Context, b *bookkeeper) error) error {
	config, err := configs.Load(os.Environ())
	if err != nil {
		return err
	}
	b := &bookkeeper{config: config}
	if b.keys, err = secret.LoadSigner(config.KeysDir, ledger.SignerName); err != nil {
		return err
	}
	if b.log, err = checkpoints.Open(config.CheckpointsDir, "reader"); err != nil {
		return err
	}
	if b.db, err = sql.Open(ctx, config.DatabaseURL.Reveal(), sql.Options{MaxOpen: 2}); err != nil {
		return err
	}
	defer func() { _ = b.db.Close() }() // only read
	b.store = ledger.NewStore(b.db, clock.System{})
	return do(ctx, b)
}

func verifyCommand() *cobra.Command {
	var since string
	verify := &cobra.Command{
		Use:   "verify",
		Short: "Prove the books: balances from entries, postings from seals, seals from checkpoints; name the first breach",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			day, err := sinceDay(since)
			if err != nil {
				return err
			}
			return withBooks(cmd.Context(), func(ctx context.Context, b *bookkeeper) error { return b.verify(ctx, cmd, day) })
		},
	}
	verify.Flags().StringVar(&since, "since", "", sinceUsage)
	return verify
}

// sinceUsage explains the flag of the commands that compare with checkpoints.
const sinceUsage = "compare with the checkpoints from this day (UTC) on; empty: with all"

// sinceDay is the day that the flag names; "" for all.
func sinceDay(flag string) (clock.Day, error) {
	if flag == "" {
		return "", nil
	}
	day, err := clock.ParseDay(flag)
	if err != nil {
		return "", fmt.Errorf("--since: %w", err)
	}
	return day, nil
}

func (b *bookkeeper) verify(ctx context.Context, cmd *cobra.Command, since clock.Day) error {
	began := clock.System{}.Now()
	report, err := b.store.Check(ctx)
	if err != nil {
		return err
	}
	if report.Breach != "" {
		return fmt.Errorf("the books are wrong: %s", report.Breach)
	}
	points, err := b.store.CheckCheckpoints(ctx, b.log, b.keys, since)
	if err != nil {
		return err
	}
	if points.Breach != "" {
		return fmt.Errorf("the books are wrong: %s", points.Breach)
	}
	counters, err := b.counters(ctx)
	if err != nil {
		return err
	}
	if counters.Breach != "" {
		return fmt.Errorf("the limits' counters are wrong, unless the nodes were at work meanwhile: %s", counters.Breach)
	}
	took := clock.System{}.Now().Sub(began)
	_, _ = fmt.Fprintf(cmd.OutOrStdout(),
		"the books are right: %d accounts, %d postings, %d entries, %d seals, %d checkpoints, %d counters, in %s\n",
		report.Accounts, report.Postings, report.Entries, report.Seals, points.Checkpoints, counters.Counters,
		took.Round(time.Millisecond))
	return nil
}

// counters derives the counters of limits again, by the limits that held at each transaction's time.
func (b *bookkeeper) counters(ctx context.Context) (payments.CountersReport, error) {
	p := &parts{config: b.config, log: slog.New(slog.DiscardHandler), clock: clock.System{}, db: b.db}
	for _, step := range []func(context.Context) error{p.openMarket, p.openRules} {
		if err := step(ctx); err != nil {
			return payments.CountersReport{}, err
		}
	}
	defer p.unwatch()
	return payments.CounterAudit{
		DB: b.db, Transactions: transactions.NewStore(b.db), Limits: p.limits, Clock: p.clock, Location: p.location,
	}.Check(ctx)
}

func proofCommand() *cobra.Command {
	var check, key string
	proof := &cobra.Command{
		Use:   "proof RECEIPT",
		Short: "Prove that the posting behind a receipt is in the books that a checkpoint signed",
		Long: "Prints a proof as JSON. With --check it reads one from a file instead, and verifies it with the checkpoints'\n" +
			"public keys alone: those of --key, as nova ledger key prints them, or this node's. No database is asked.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case check != "" && len(args) == 0:
				return checkProof(cmd, check, key)
			case check == "" && len(args) == 1:
				return withBooks(cmd.Context(), func(ctx context.Context, b *bookkeeper) error {
					made, err := b.store.Proof(ctx, b.log, args[0])
					if err != nil {
						return err
					}
					encoder := json.NewEncoder(cmd.OutOrStdout())
					encoder.SetIndent("", "  ")
					return encoder.Encode(made)
				})
			}
			return fmt.Errorf("give either a receipt or --check FILE")
		},
	}
	proof.Flags().StringVar(&check, "check", "", "file with a proof to verify")
	proof.Flags().StringVar(&key, "key", "", "file with the public keys to verify it with; empty: this node's")
	return proof
}

func keyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the public keys of checkpoints, for whoever verifies proofs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := ownKeys()
			if err != nil {
				return err
			}
			text, err := keys.PublicPEM()
			if err == nil {
				_, err = cmd.OutOrStdout().Write(text)
			}
			return err
		},
	}
}

func ownKeys() (*secret.Signer, error) {
	config, err := configs.Load(os.Environ())
	if err != nil {
		return nil, err
	}
	return secret.LoadSigner(config.KeysDir, ledger.SignerName)
}

// publicKeys are those of a file, or this node's.
func publicKeys(path string) (ledger.PublicKeys, error) {
	if path == "" {
		return ownKeys()
	}
	text, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	return secret.ParseVerifier(text)
}

// readBounded reads a file of at most maxProof bytes.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if info.Size() > maxProof {
		return nil, fmt.Errorf("read: %s has more than %d bytes", path, maxProof)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return text, nil
}

func checkProof(cmd *cobra.Command, path, key string) error {
	keys, err := publicKeys(key)
	if err != nil {
		return err
	}
	text, err := readBounded(path)
	if err != nil {
		return err
	}
	var p ledger.Proof
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("read proof: %w", err)
	}
	if err := p.Verify(keys); err != nil {
		return fmt.Errorf("the proof does not hold: %w", err)
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "the proof holds: receipt %s is in the books of %s\n", p.Receipt,
		p.Checkpoint.At.Format(time.RFC3339))
	return nil
}
