package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"

	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sql"
)

// Argon2id at OWASP's minimum (Password Storage Cheat Sheet): what a PIN check would cost if PINs were passwords.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonKey     = 32
)

const (
	// pinRows is how many people a group is compared for, as many as a full one of the ledger's.
	pinRows = 100
	// pinGoal is how many times as many PINs as argon2id hashes must be compared a second, in thousandths.
	pinGoal = 30_000
)

// pinChecks measures the comparison of PINs as the ledger's group makes it, from the locked rows to the answers, against
// argon2id, on one processor each and in turns.
func (b *bench) pinChecks(ctx context.Context) error {
	rows, checks, credentials, err := b.lockedPINs(ctx)
	if err != nil {
		return err
	}
	now := clock.System{}.Now()
	group := func() (int, error) {
		locked, err := credentials.Locked(rows)
		for i := 0; err == nil && i < len(checks); i++ {
			err = locked.Verify(checks[i], now)
		}
		return len(checks), err
	}
	hash := func() (int, error) {
		argon2.IDKey([]byte(benchPIN), make([]byte, 16), argonTime, argonMemory, argonThreads, argonKey)
		return 1, nil
	}
	const ours, argon = "PIN checks", "argon2id at OWASP's minimum"
	medians, err := b.turns(ctx, []system{{ours, overAndOver(group)}, {argon, overAndOver(hash)}})
	if err != nil {
		return err
	}
	b.rate("pin_checks", medians[ours], "compared in groups of 100 on one processor, without the database's part")
	b.rate("argon2id", medians[argon], "19 MiB, t=2, p=1, on one processor")
	b.ratio("pin_checks_of_argon2id", medians[ours], medians[argon], goal{least: pinGoal, says: "in the same run, in turns"})
	return nil
}

// lockedPINs reads the rows of some people as a group locks them.
func (b *bench) lockedPINs(ctx context.Context) (
	rows string, checks []ledger.Check, credentials *identity.Credentials, err error,
) {
	p, err := b.stage.parts(ctx)
	if err != nil {
		return "", nil, nil, err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	var subjects []uuid.UUID
	for n := range min(pinRows, b.crowd.customers) {
		number, err := msisdn.Parse(customerNumber(n), demoRegion)
		if err != nil {
			return "", nil, nil, err
		}
		c, err := p.customers.ByMSISDN(ctx, number)
		if err != nil {
			return "", nil, nil, err
		}
		subjects = append(subjects, c.ID)
		checks = append(checks, ledger.Check{Subject: c.ID, Secret: secret.New(benchPIN)})
	}
	credentials = identity.NewCredentials(p.keyring, identity.CredentialOptions{})
	if err := p.db.Get(ctx, &rows, credentials.LockQuery(), sql.UUIDs(subjects)); err != nil {
		return "", nil, nil, fmt.Errorf("read PINs: %w", err)
	}
	return rows, checks, credentials, nil
}

// overAndOver does something over and over for a slice of time.
func overAndOver(do func() (int, error)) func(context.Context, time.Duration) (measured, error) {
	return func(ctx context.Context, slice time.Duration) (measured, error) {
		began, done := clock.System{}.Now(), 0
		for {
			n, err := do()
			if err != nil {
				return measured{}, err
			}
			done += n
			if took := (clock.System{}).Now().Sub(began); took >= slice || ctx.Err() != nil {
				return measured{done: done, took: took}, ctx.Err()
			}
		}
	}
}
