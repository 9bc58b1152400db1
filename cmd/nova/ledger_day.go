package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nova/configs"
	"nova/core/clock"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/reports"
	"nova/sql"
)

// defaultCloser is who closed a day where nobody says a name.
const defaultCloser = "command line"

// covered are the products that trust must cover, with their words in a report.
var covered = []struct {
	product ledger.Product
	words   string
}{
	{ledger.Wallet, "wallets"}, {ledger.Float, "floats"}, {ledger.Savings, "savings"},
	{ledger.Commission, "commissions"}, {ledger.Suspense, "suspense"},
}

func closeDayCommand() *cobra.Command {
	var dryRun bool
	var by string
	day := &cobra.Command{
		Use:   "close-day [DAY]",
		Short: "Close a business day and settle the difference between trust and what is owed",
		Long: "Closes a day of the market, YYYY-MM-DD; without one, the next that is not closed. A closed day takes no more\n" +
			"postings. What trust had too much or too little is swept to or from the operator's bank, at once and with it.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withTreasury(cmd.Context(), func(ctx context.Context, t *reports.Treasury) error {
				day, err := dayToClose(ctx, t, args)
				if err != nil {
					return err
				}
				act, heading := t.Close, "closed"
				if dryRun {
					act, heading = t.Preview, "would be closed; nothing was changed"
				}
				report, err := act(ctx, day, by)
				if err != nil {
					return err
				}
				return printDay(cmd.OutOrStdout(), &report, heading)
			})
		},
	}
	day.Flags().BoolVar(&dryRun, "dry-run", false, "only print what would be closed and swept")
	day.Flags().StringVar(&by, "by", defaultCloser, "who closes it, for the record")
	return day
}

func dayToClose(ctx context.Context, t *reports.Treasury, args []string) (clock.Day, error) {
	if len(args) == 0 {
		return t.Next(ctx)
	}
	day, err := clock.ParseDay(args[0])
	if err != nil {
		return "", fmt.Errorf("%q is no day: write it as 2026-11-30", args[0])
	}
	return day, nil
}

func daysCommand() *cobra.Command {
	var n int
	days := &cobra.Command{
		Use:   "days",
		Short: "List the closed days, the newest first, and check that their reports are as they were stored",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 {
				return fmt.Errorf("--last %d: at least one day is listed", n)
			}
			return withTreasury(cmd.Context(), func(ctx context.Context, t *reports.Treasury) error {
				closed, err := t.Days(ctx, n)
				if err != nil {
					return err
				}
				return printDays(cmd.OutOrStdout(), closed)
			})
		},
	}
	days.Flags().IntVar(&n, "last", 31, "how many days at most")
	return days
}

// withTreasury runs a command on the treasury of the books that the configuration names.
func withTreasury(ctx context.Context, do func(context.Context, *reports.Treasury) error) error {
	config, err := configs.Load(os.Environ())
	if err != nil {
		return err
	}
	market, err := time.LoadLocation(config.TimeZone)
	if err != nil {
		return fmt.Errorf("time zone: %w", err)
	}
	db, err := sql.Open(ctx, config.DatabaseURL.Reveal(), sql.Options{MaxOpen: 1})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // what was to last is committed
	books, err := payments.OpenBooks(ctx, db, ledger.NewStore(db, clock.System{}), config.Currency, clock.System{})
	if err != nil {
		return err
	}
	return do(ctx, newTreasury(db, books, config.Currency, clock.System{}, market))
}

// newTreasury is a treasury on a pool that waits as long as reading whole books takes.
func newTreasury(
	db *sql.DB, books payments.Books, currency money.Currency, now clock.Clock, market *time.Location,
) *reports.Treasury {
	return reports.NewTreasury(reports.TreasuryOptions{
		DB: db, Ledger: ledger.NewStore(db, now), Books: books, Currency: currency, Clock: now, Location: market,
		Poster: ledger.NewPoster(ledger.PosterOptions{Clock: now, Location: market}),
	})
}

func printDay(out io.Writer, d *reports.DayReport, heading string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(out, "%s %s: %d postings, %d entries\n", d.Day, heading, d.Postings, d.Entries)
	for _, r := range d.Trusts {
		row := func(words string, minor int64) {
			_, _ = fmt.Fprintf(w, "%s\t%s\t\n", words, money.Of(minor, r.Currency).Format())
		}
		_, _ = fmt.Fprintf(w, "%s\t\t\n", r.Currency)
		for _, c := range covered {
			row(c.words, d.Figures[r.Currency].Products[c.product])
		}
		row("owed", r.Owed)
		row("in trust", r.Trust)
		row("swept since the day", r.Underway)
		row(sweepWords(r), max(r.Swept, -r.Swept))
	}
	return w.Flush() // the writes before it fail here
}

// sweepWords say which way the difference goes.
func sweepWords(r reports.TrustReport) string {
	switch {
	case r.Swept > 0:
		return "sweep, trust to operator's bank"
	case r.Swept < 0:
		return "sweep, operator's bank to trust"
	default:
		return "sweep"
	}
}

func printDays(out io.Writer, days []reports.DayReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "DAY\tPOSTINGS\tCURRENCY\tTRUST\tOWED\tSWEPT\tCLOSED\tBY\tHASH")
	for i := range days {
		d := &days[i]
		for _, r := range d.Trusts {
			_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%x\n", d.Day, d.Postings, r.Currency,
				money.Of(r.Trust, r.Currency).Format(), money.Of(r.Owed, r.Currency).Format(),
				money.Of(r.Swept, r.Currency).Format(), d.ClosedAt.UTC().Format(time.RFC3339), d.By, r.Hash[:8])
		}
	}
	return w.Flush() // the writes before it fail here
}
