package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"nova/sql/daemon"
)

// Settings of a development server that stand in the environment, beside the server's own.
const (
	dataDirVariable  = "NOVA_DATA_DIR"
	httpAddrVariable = "NOVA_HTTP_ADDR"
	databaseVariable = "DATABASE_URL"
	redisVariable    = "REDIS_URL"
	// testDatabaseVariable names the cluster that tests make their databases in, to sqltest.
	testDatabaseVariable = "NOVA_TEST_DATABASE_URL"
)

// Defaults of a development server.
const (
	defaultDataDir  = ".nova"
	defaultHTTPAddr = "127.0.0.1:8080"
	httpAddrTries   = 20
)

// devOptions say how a development server runs.
type devOptions struct {
	// DataDir is the folder for the data of the private servers.
	DataDir string
	// DatabaseURL and RedisURL name servers to use; where one is empty, a private one is started.
	DatabaseURL, RedisURL string
	Say                   daemon.Say
}

// serveFunc migrates, seeds and serves until ctx is done.
type serveFunc func(ctx context.Context, databaseURL, redisURL string) error

// devCommand is `nova dev`: a whole Nova on this machine, with its private PostgreSQL and Redis.
func devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run Nova with a private PostgreSQL and Redis, for development",
		Long: "Runs Nova with a PostgreSQL and a Redis of its own on this machine. Their data lies in " + dataDirVariable + "\n" +
			"(default " + defaultDataDir + "); " + databaseVariable + " and " + redisVariable + " name servers to use instead, " +
			httpAddrVariable + " where to listen.\nIf any part is killed it is started again; nothing that was committed is lost.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			say := sayTo(cmd.ErrOrStderr())
			if err := settleHTTPAddr(cmd.Context(), say); err != nil {
				return err
			}
			return runDev(cmd.Context(), devOptions{
				DataDir:     orDefault(os.Getenv(dataDirVariable), defaultDataDir),
				DatabaseURL: os.Getenv(databaseVariable),
				RedisURL:    os.Getenv(redisVariable),
				Say:         say,
			}, serveDev)
		},
	}
	cmd.AddCommand(devExecCommand(), devInstallCommand(), devJanitorCommand())
	return cmd
}

// runDev starts the private servers that are needed, serves, and stops them when serve has
// returned. Ctrl-C ends ctx for serve, which then drains with its servers still there; a
// second one ends everything at once, the servers by the kernel's signal.
func runDev(ctx context.Context, o devOptions, serve serveFunc) (err error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP) })
	private, err := startServices(ctx, serviceOptions{
		Dir: o.DataDir, Database: o.DatabaseURL == "", Redis: o.RedisURL == "", Say: o.Say,
	})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, private.stop()) }()
	database := orDefault(private.databaseURL, o.DatabaseURL)
	redis := orDefault(private.redisURL, o.RedisURL)
	return unlessStopped(ctx, serve(ctx, database, redis))
}

// unlessStopped drops the error of what was broken off because the person stopped us.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// settleHTTPAddr picks another port where the default one is taken and no address was asked
// for, and says so. It goes into the environment, which the server's configuration reads.
func settleHTTPAddr(ctx context.Context, say daemon.Say) error {
	if os.Getenv(httpAddrVariable) != "" || free(ctx, defaultHTTPAddr) {
		return nil
	}
	host, _, err := net.SplitHostPort(defaultHTTPAddr)
	if err != nil {
		return fmt.Errorf("read the default address: %w", err)
	}
	for port := 8081; port < 8081+httpAddrTries; port++ {
		addr := net.JoinHostPort(host, fmt.Sprint(port))
		if free(ctx, addr) {
			say("%s is taken by another program; listening on %s (%s overrides)", defaultHTTPAddr, addr, httpAddrVariable)
			return os.Setenv(httpAddrVariable, addr)
		}
	}
	return fmt.Errorf("%s and the ports after it are taken; set %s", defaultHTTPAddr, httpAddrVariable)
}

func free(ctx context.Context, addr string) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	return err == nil && l.Close() == nil
}

// sayTo writes lines for the person at the terminal.
func sayTo(w io.Writer) daemon.Say {
	return func(format string, args ...any) {
		// There is nobody to tell when the terminal is gone.
		_, _ = fmt.Fprintf(w, "nova: "+format+"\n", args...)
	}
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
