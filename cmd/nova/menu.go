package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/looplab/fsm"
	"github.com/spf13/cobra"

	"nova/configs"
	"nova/core/clock"
	"nova/menus"
	"nova/menus/gsm7"
	"nova/menus/lint"
)

// defaultLanguage is the language of people of whom nothing is known.
const defaultLanguage = "en"

func menuCommand() *cobra.Command {
	menu := &cobra.Command{Use: "menu", Short: "Prove and draw the menus"}
	var folded bool
	prove := &cobra.Command{
		Use:   "lint",
		Short: "Prove that every screen fits, every path ends and no money moves unasked, in every language",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return lintMenus(cmd.OutOrStdout(), folded) },
	}
	prove.Flags().BoolVar(&folded, "folded", false, "also list the words that lost accents which handsets lack")
	var saved bool
	draw := &cobra.Command{
		Use:   "map",
		Short: "Draw menus and flows as Mermaid",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if saved {
				return saveMenus(cmd.OutOrStdout())
			}
			return mapMenus(cmd.OutOrStdout())
		},
	}
	draw.Flags().BoolVar(&saved, "json", false, "write what nova menu diff compares with, instead")
	compare := &cobra.Command{
		Use:   "diff FILE",
		Short: "Compare with the menus of another build (its nova menu map --json): fails where a digit leads elsewhere",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return diffMenus(cmd.OutOrStdout(), args[0]) },
	}
	menu.AddCommand(prove, draw, compare)
	return menu
}

// lintMenus prints what is broken and fails if anything is.
func lintMenus(out io.Writer, folded bool) error {
	config, err := configs.Load(os.Environ())
	if err != nil {
		return err
	}
	packs, err := menus.LoadPacks(defaultLanguage)
	if err != nil {
		return err
	}
	engine, err := menus.New(menus.Options{
		Packs: packs, Clock: clock.System{}, Currency: config.Currency, Region: config.Region,
		Location: time.UTC, Help: config.HelpNumber,
	})
	if err != nil {
		return err
	}
	findings := lint.Run(lint.Subject{
		Engine: engine, Tables: menus.BuiltIn(), Packs: packs, Budgets: budgets(config), ShortCodes: codesByHome(config),
	})
	for _, finding := range findings {
		_, _ = fmt.Fprintln(out, finding) // a closed terminal changes nothing
	}
	lost := lint.Folded(packs)
	if folded {
		for _, finding := range lost {
			_, _ = fmt.Fprintln(out, finding) // likewise
		}
	}
	if len(findings) > 0 {
		return fmt.Errorf("%d broken promises", len(findings))
	}
	_, _ = fmt.Fprintf(out, "every screen fits, ends and says the same in %d languages (%d texts folded for handsets: --folded lists them)\n",
		len(packs.Languages()), len(lost))
	return nil
}

// budgets are what the configured gateways' handsets show; the default stands for those still to come.
func budgets(config configs.Config) map[string]gsm7.Budget {
	all := map[string]gsm7.Budget{"default": gsm7.Default}
	for _, g := range config.Gateways {
		all[g.Name] = budget(g)
	}
	return all
}

func budget(g configs.Gateway) gsm7.Budget {
	return gsm7.Budget{Septets: g.Septets, UCS2: g.Charset == configs.UCS2}
}

// codesByHome names one short code for each home.
func codesByHome(config configs.Config) map[menus.Root]string {
	codes := map[menus.Root]string{}
	for code, root := range config.ShortCodes {
		if have := codes[menus.Root(root)]; have == "" || code < have {
			codes[menus.Root(root)] = code
		}
	}
	return codes
}

// mapMenus draws each home as a tree and each flow as its machine.
func mapMenus(out io.Writer) error {
	tables := menus.BuiltIn()
	_, _ = fmt.Fprintln(out, "```mermaid\ngraph LR")
	for _, menu := range tables.Menus {
		for _, option := range menu.Options {
			_, _ = fmt.Fprintf(out, "    %s -->|%s| %s\n", menu.Name, option.Digit, option.To)
		}
	}
	_, _ = fmt.Fprintln(out, "```")
	for _, flow := range tables.Flows {
		drawn, err := fsm.VisualizeForMermaidWithGraphType(fsm.NewFSM(flow.Starts[0], flow.Events, nil), fsm.StateDiagram)
		if err != nil {
			return fmt.Errorf("draw %s: %w", flow.Name, err)
		}
		_, _ = fmt.Fprintf(out, "\n## %s\n\n```mermaid\n%s```\n", flow.Name, drawn)
	}
	return nil
}
