package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nova/configs"
	"nova/core/clock"
	"nova/core/ledger"
	"nova/sql"
)

func ledgerCommand() *cobra.Command {
	books := &cobra.Command{Use: "ledger", Short: "Look at the books"}
	books.AddCommand(&cobra.Command{
		Use:   "verify",
		Short: "Re-derive every balance from its entries and name the first breach",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := configs.Load(os.Environ())
			if err != nil {
				return err
			}
			db, err := sql.Open(cmd.Context(), config.DatabaseURL.Reveal(), sql.Options{MaxOpen: 1})
			if err != nil {
				return err
			}
			defer func() { _ = db.Close() }() // only read
			report, err := ledger.NewStore(db, clock.System{}).Check(cmd.Context())
			if err != nil {
				return err
			}
			if report.Breach != "" {
				return fmt.Errorf("the books are wrong: %s", report.Breach)
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "the books are right: %d accounts, %d postings, %d entries\n",
				report.Accounts, report.Postings, report.Entries)
			return nil
		},
	})
	return books
}
