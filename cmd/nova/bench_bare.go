package main

import (
	"bytes"
	"context"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/spf13/cobra"

	"nova/core/secret"
	"nova/sessions"
)

// bareOptions are what the bare server imitates.
type bareOptions struct {
	addr string
	// record and screen are the sizes, in bytes, of a real hop's record in Redis and of its answer.
	record, screen int
}

// bareTime is a hop's deadline, as a real one has it.
const bareTime = 4 * time.Second

// benchBareCommand is the ceiling of menu hops: Fiber as it comes, and a hop's two round trips to Redis.
func benchBareCommand() *cobra.Command {
	var o bareOptions
	cmd := &cobra.Command{
		Use:    "bare",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return serveBare(o) },
	}
	cmd.Flags().StringVar(&o.addr, "addr", "", "where to listen")
	cmd.Flags().IntVar(&o.record, "record", 0, "bytes of a record")
	cmd.Flags().IntVar(&o.screen, "screen", 0, "bytes of an answer")
	return cmd
}

func serveBare(o bareOptions) error {
	growHeap() // as the server does that it is compared with
	store, err := sessions.OpenBare(secret.New(os.Getenv(redisVariable)), o.record)
	if err != nil {
		return err
	}
	screen := string(bytes.Repeat([]byte{'.'}, o.screen))
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("*", func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(context.Background(), bareTime)
		defer cancel()
		if err := store.Hop(ctx, string(c.Request().PostArgs().Peek("sessionId"))); err != nil {
			return err
		}
		return c.SendString(screen)
	})
	return app.Listen(o.addr)
}
