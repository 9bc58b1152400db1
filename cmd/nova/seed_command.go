package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nova/channels/rest"
	"nova/configs"
	"nova/core/clock"
)

func seedCommand() *cobra.Command {
	seed := &cobra.Command{Use: "seed", Short: "Fill a database"}
	seed.AddCommand(&cobra.Command{
		Use:   "demo",
		Short: "Add the demonstration's people, whose PINs everybody knows; never to a real database",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := configs.Load(os.Environ())
			if err != nil {
				return err
			}
			if config.Environment == configs.Production {
				return errors.New("the demonstration's people have no place in production")
			}
			p, err := open(cmd.Context(), config, newLogger(config), clock.System{})
			if err != nil {
				return err
			}
			if err := errors.Join(p.seed(cmd.Context()), p.close(cmd.Context())); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), "the demonstration's data is there")
			return nil
		},
	})
	return seed
}

// seed adds the demonstration's data; what is there already stays as it is.
func (p *parts) seed(ctx context.Context) error {
	return seedDemo(ctx, seedServices{
		Writer: p.writer, Customers: p.customers, Agents: p.agents, Products: p.products, Clients: p.clients,
		Staff: p.staff,
		Clock: p.clock, Books: p.books, Currency: p.config.Currency, TimeZone: p.config.TimeZone, Scopes: rest.Scopes(),
	})
}
