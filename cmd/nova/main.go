// Command nova is Nova: one binary that serves gateways and apps, and the tools around it. This package only joins
// the parts; what they do stands in theirs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := rootCommand().ExecuteContext(ctx)
	stop()
	os.Exit(status(err))
}

// rootCommand is `nova` with everything below it. A new subcommand is one file and one line here.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "nova",
		Short:         "A USSD-first channel server for mobile money",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		serveCommand(), devCommand(), migrateCommand(), seedCommand(), phoneCommand(), menuCommand(), ledgerCommand(),
		auditCommand(), staffCommand(), keysCommand(), gatewayCommand(), benchCommand(), faultsCommand(),
	)
	return root
}

// exitError ends the process with a status of its own and, where it has one, a message.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// status prints what went wrong and gives the exit status.
func status(err error) int {
	if err == nil {
		return 0
	}
	var exit exitError
	if errors.As(err, &exit) {
		if exit.err != nil {
			fmt.Fprintln(os.Stderr, "nova:", exit.err)
		}
		return exit.code
	}
	fmt.Fprintln(os.Stderr, "nova:", err)
	return 1
}
