package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"nova/configs"
	"nova/core/clock"
	"nova/core/secret"
	"nova/sql"
)

// serveDev migrates, seeds the demo data, serves, and says how to dial, until ctx is done.
func serveDev(ctx context.Context, databaseURL, redisURL string) error {
	config, err := configs.Load(os.Environ())
	if err != nil {
		return err
	}
	config.DatabaseURL, config.RedisURL = secret.New(databaseURL), secret.New(redisURL)
	if err := config.Check(); err != nil {
		return err
	}
	say := sayTo(os.Stderr)
	say("bringing the schema up to date")
	if err := sql.Migrate(ctx, databaseURL); err != nil {
		return err
	}
	say("adding the demonstration's people where they are missing")
	if err := seedOnce(ctx, config); err != nil {
		return err
	}
	return serveUntilStopped(ctx, config, func(addr net.Addr) { banner(config, addr) })
}

func seedOnce(ctx context.Context, config configs.Config) error {
	p, err := open(ctx, config, newLogger(config), clock.System{})
	if err != nil {
		return err
	}
	return errors.Join(p.seed(ctx), p.close(ctx))
}

// banner ends the start-up with what a newcomer wants to do first. Its lines are tried by a test.
func banner(config configs.Config, addr net.Addr) {
	dial := ""
	for _, g := range config.Gateways {
		if g.AdapterName() == "africastalking" && !g.Token.IsZero() && config.Environment == configs.Development {
			// Each call is a dial of its own; the clock gives it a session in any shell.
			dial = fmt.Sprintf("  curl -s http://%s/ussd/%s/%s -d sessionId=$(date +%%s) -d phoneNumber=+12462501001 -d serviceCode='*123#' -d text=\n",
				addr, g.Name, g.Token.Reveal())
			break
		}
	}
	fmt.Fprintf(os.Stderr, "\nNova serves on http://%s\nMarcia (+12462501001, PIN 1357) dials *123#:\n%s"+
		"Or on a handset:\n  bin/nova phone --server %s --msisdn +12462501001 --dial '*123#'\n"+
		"The API:\n  http://%s/docs\nStop with Ctrl-C; the next start goes on from here.\n\n", addr, dial, addr, addr)
}
