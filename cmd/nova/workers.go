package main

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"nova/channels/sms"
	"nova/channels/sms/console"
	"nova/core/ledger"
	"nova/core/outbox"
	"nova/core/payments"
)

// How often the workers look, and how much they take at once.
const (
	holdsEvery      = 5 * time.Second
	holdsAtOnce     = 100
	partitionsEvery = time.Hour
	promisesEvery   = 5 * time.Second
	checkpointEvery = time.Second
	sealEvery       = 5 * time.Second
	summaryEvery    = 2 * time.Second
	daysEvery       = time.Minute
	linesEvery      = time.Minute
	linesAtOnce     = 100
	interestEvery   = time.Minute
	approvalsEvery  = 5 * time.Second
	approvalsAtOnce = 100
	// choreTime bounds one round of a worker.
	choreTime = 30 * time.Second
)

// startWorkers runs the chores of a node with the role worker. Any number of nodes may.
func (s *server) startWorkers(ctx context.Context, work *errgroup.Group) {
	chores := ledger.NewWorkers(s.db, s.writer, s.clock)
	s.every(ctx, work, "expire holds", holdsEvery, func(ctx context.Context) (int, error) {
		return chores.ExpireHolds(ctx, holdsAtOnce)
	})
	s.every(ctx, work, "make partitions", partitionsEvery, func(ctx context.Context) (int, error) {
		moved, err := chores.MakePartitions(ctx)
		return int(moved), err
	})
	s.every(ctx, work, "settle promises", promisesEvery, func(ctx context.Context) (int, error) {
		return s.payments.SettlePromises(ctx, payments.PromiseAge)
	})
	s.every(ctx, work, "expire approvals", approvalsEvery, func(ctx context.Context) (int, error) {
		return s.approvals.Expire(ctx, approvalsAtOnce)
	})
	s.every(ctx, work, "expire overdraft lines", linesEvery, func(ctx context.Context) (int, error) {
		return s.products.ExpireLines(ctx, linesAtOnce)
	})
	s.every(ctx, work, "accrue interest", interestEvery, s.products.Accrue)
	s.every(ctx, work, "post interest", interestEvery, s.products.PostInterest)
	s.every(ctx, work, "summarize entries", summaryEvery, func(ctx context.Context) (int, error) {
		_, err := chores.Summarize(ctx) // it goes on as long as money moves
		return 0, err
	})
	s.tendAccess(ctx, work)
	s.every(ctx, work, "seal what is left", sealEvery, chores.SealRest)
	points := ledger.NewCheckpointer(s.ledger, s.sealer, s.checkpoints)
	s.every(ctx, work, "write checkpoints", checkpointEvery, func(ctx context.Context) (int, error) {
		_, err := points.Write(ctx) // each second's is not worth a line in the log
		return 0, err
	})
	s.sealAudit(ctx, work)
	if s.config.CloseDays {
		treasury := newTreasury(s.proofDB, s.books, s.config.Currency, s.clock, s.location)
		s.every(ctx, work, "close days", daysEvery, func(ctx context.Context) (int, error) {
			return treasury.CloseDue(ctx, "nova")
		})
	}
	messages := sms.NewWorker(sms.Options{
		Outbox: s.outbox, Renderer: s.engine, Sender: console.New(s.log), Unseal: s.unseal, Region: s.config.Region,
		Clock: s.clock, Logger: s.log,
	})
	work.Go(func() error { return messages.Run(ctx) })
}

// every runs a chore now and then until ctx ends. A failed round is logged, and the next one tries again.
func (s *server) every(ctx context.Context, work *errgroup.Group, name string, pause time.Duration,
	chore func(context.Context) (int, error),
) {
	work.Go(func() error {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			s.round(ctx, name, chore)
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		}
	})
}

// round runs a chore once. What fails because the server ends is not worth a line; what ran out of time is.
func (s *server) round(running context.Context, name string, chore func(context.Context) (int, error)) {
	ctx, cancel := context.WithTimeout(running, choreTime)
	defer cancel()
	done, err := chore(ctx)
	switch {
	case err != nil && running.Err() == nil:
		s.log.Error("a worker's round failed", slog.String("worker", name), slog.Any("error", err))
	case done > 0:
		s.log.Info("a worker's round", slog.String("worker", name), slog.Int("done", done))
	}
}

// unseal opens the one argument of a notice that stands sealed: a withdrawal code.
func (s *server) unseal(n outbox.Notice) (map[string]string, error) {
	code, err := s.keyring.Field.Open(n.Sealed, payments.NoticeAAD(n.ID))
	if err != nil {
		return nil, err
	}
	return map[string]string{payments.SealedArg: string(code)}, nil
}
