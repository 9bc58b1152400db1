package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nova/configs"
	"nova/sql"
)

func migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the schema of DATABASE_URL to this build's version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := configs.Load(os.Environ())
			if err != nil {
				return err
			}
			if err := sql.Migrate(cmd.Context(), config.DatabaseURL.Reveal()); err != nil {
				return err
			}
			current, newest, err := sql.Version(cmd.Context(), config.DatabaseURL.Reveal())
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "schema version %d of %d\n", current, newest)
			return nil
		},
	}
}
