package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"nova/core/ids"
	"nova/core/money"
	"nova/core/reports"
)

// maxSuspense bounds the items of one list.
const maxSuspense = 200

// suspenseCommand keeps the money that came into trust and whose owner nobody knows yet.
func suspenseCommand() *cobra.Command {
	suspense := &cobra.Command{Use: "suspense", Short: "Keep money of unknown owners apart until it is known whose it is"}
	suspense.AddCommand(suspenseListCommand(), suspenseBookCommand(), suspenseSettleCommand())
	return suspense
}

func suspenseListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List what nobody has claimed yet, the longest waiting first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withTreasury(cmd.Context(), func(ctx context.Context, t *reports.Treasury) error {
				items, err := t.OpenSuspense(ctx, maxSuspense)
				if err != nil {
					return err
				}
				return printSuspense(cmd.OutOrStdout(), items...)
			})
		},
	}
}

func suspenseBookCommand() *cobra.Command {
	n := reports.NewSuspense{}
	book := &cobra.Command{
		Use:   "book AMOUNT REFERENCE",
		Short: "Book money that came into trust without a known owner: 50.00 and the bank's own reference",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withTreasury(cmd.Context(), func(ctx context.Context, t *reports.Treasury) error {
				var err error
				if n.Amount, err = money.Parse(args[0], t.Currency()); err != nil {
					return err
				}
				n.Reference = args[1]
				item, err := t.BookSuspense(ctx, n)
				if err != nil {
					return err
				}
				return printSuspense(cmd.OutOrStdout(), item)
			})
		},
	}
	book.Flags().StringVar(&n.Note, "note", "", "what is known of it")
	book.Flags().StringVar(&n.By, "by", defaultCloser, "who books it, for the record")
	return book
}

func suspenseSettleCommand() *cobra.Command {
	s := reports.Settlement{}
	settle := &cobra.Command{
		Use:   "settle ITEM ACCOUNT",
		Short: "Give an item's money, whole and once, to the account that it belongs to: wal_... or acc_...",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if s.Item, err = uuid.Parse(args[0]); err != nil {
				return fmt.Errorf("%q is no item: list names them", args[0])
			}
			if s.To, err = accountID(args[1]); err != nil {
				return err
			}
			return withTreasury(cmd.Context(), func(ctx context.Context, t *reports.Treasury) error {
				item, err := t.SettleSuspense(ctx, s)
				if err != nil {
					return err
				}
				return printSuspense(cmd.OutOrStdout(), item)
			})
		},
	}
	settle.Flags().StringVar(&s.Note, "note", "", "how it became known")
	settle.Flags().StringVar(&s.By, "by", defaultCloser, "who settles it, for the record")
	return settle
}

// accountID reads an account's id as either API writes it.
func accountID(text string) (uuid.UUID, error) {
	for _, prefix := range []ids.Prefix{ids.Wallet, ids.Account} {
		if id, err := ids.Parse(prefix, text); err == nil {
			return id, nil
		}
	}
	return uuid.Nil, fmt.Errorf("%q is no account: its id begins with wal_ or acc_", text)
}

func printSuspense(out io.Writer, items ...reports.SuspenseItem) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ITEM\tAMOUNT\tREFERENCE\tDAYS\tNOTE\tSETTLED")
	for _, i := range items {
		settled := "-"
		if !i.SettledAt.IsZero() {
			settled = i.SettledAt.Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s %s\t%s\t%d\t%s\t%s\n", i.ID, i.Amount.Currency, i.Amount.Format(), i.Reference, i.Age,
			i.Note, settled)
	}
	return w.Flush()
}
