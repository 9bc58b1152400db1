package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nova/configs"
)

func gatewayCommand() *cobra.Command {
	gateway := &cobra.Command{Use: "gateway", Short: "Look at the gateways that may relay dials"}
	gateway.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the configured gateways, their callbacks and what they vouch for",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := configs.Load(os.Environ())
			if err != nil {
				return err
			}
			out := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(out, "NAME\tADAPTER\tCALLBACK\tCOUNTRIES\tNETWORKS\tDEADLINE\tSEPTETS")
			for _, g := range config.Gateways {
				_, _ = fmt.Fprintf(out, "%s\t%s\t/ussd/%s/{token}\t%s\t%s\t%s\t%d\n", g.Name, g.AdapterName(), g.Name,
					anyOf(g.Countries), anyOf(g.Networks), g.HopDeadline, g.Septets)
			}
			return out.Flush()
		},
	})
	return gateway
}

func anyOf(list []string) string {
	if len(list) == 0 {
		return "any"
	}
	return strings.Join(list, ",")
}
