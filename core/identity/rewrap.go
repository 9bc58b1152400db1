package identity

import (
	"context"
	"fmt"

	"nova/sql"
)

// rewrapAtOnce keeps each round's locks short: they are those that a payment waits for.
const rewrapAtOnce = 200

// Rewrap moves PINs that an older KEK sealed under the current one, those before the present ones as well, a round at a
// time, and returns how many it moved; 0 tells that none is left and the old key may go. No PIN is needed for it, and
// none is changed.
func (s *Service) Rewrap(ctx context.Context) (int, error) {
	current, err := s.keyring.PINKek.Current()
	if err != nil {
		return 0, fmt.Errorf("name the current KEK: %w", err)
	}
	moved, err := s.rewrapPresent(ctx, int64(current))
	if err != nil || moved > 0 {
		return moved, err
	}
	return s.rewrapBefore(ctx, int64(current))
}

// rewrapBefore is Rewrap for the PINs that people had before. One that no key opens is good for nothing, and goes.
func (s *Service) rewrapBefore(ctx context.Context, current int64) (int, error) {
	for {
		found, moved := 0, 0
		err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			rows, err := s.store.historyWrappedBefore(ctx, tx, current, rewrapAtOnce)
			found, moved = len(rows), 0
			for i := 0; err == nil && i < len(rows); i++ {
				if s.rewrap(&rows[i].credential) != nil {
					err = s.store.dropPIN(ctx, tx, rows[i])
					continue
				}
				moved++
				err = s.store.rewrapPIN(ctx, tx, rows[i])
			}
			return err
		})
		if err != nil || moved > 0 || found == 0 {
			return moved, err
		}
	}
}

func (s *Service) rewrapPresent(ctx context.Context, current int64) (int, error) {
	moved := 0
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := s.store.wrappedBefore(ctx, tx, current, rewrapAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		changed := make([]*credential, len(rows))
		for i := range rows {
			if err := s.rewrap(&rows[i]); err != nil {
				return err
			}
			changed[i] = &rows[i]
		}
		moved = len(rows)
		return s.store.saveCredentials(ctx, tx, changed)
	})
	return moved, err
}

func (s *Service) rewrap(row *credential) error {
	hash, err := s.credentials.open(row)
	if err != nil {
		return err
	}
	return s.credentials.seal(row, hash)
}

// RewrapStaff moves the second factors of staff under the current Field key, a round at a time, as Rewrap does PINs.
func (s *Service) RewrapStaff(ctx context.Context) (int, error) {
	prefix, err := s.keyring.Field.SealedByCurrent()
	if err != nil {
		return 0, err
	}
	moved := 0
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := s.store.totpSealedBefore(ctx, tx, prefix, rewrapAtOnce)
		for i := 0; err == nil && i < len(rows); i++ {
			err = s.rewrapTOTP(ctx, tx, rows[i])
		}
		moved = len(rows)
		return err
	})
	return moved, err
}

func (s *Service) rewrapTOTP(ctx context.Context, tx *sql.Tx, row staffRow) error {
	key, err := s.keyring.Field.Open(row.TOTPSealed, totpAAD(row.ID))
	if err != nil {
		return fmt.Errorf("open the second factor of %s: %w", row.ID, err)
	}
	if row.TOTPSealed, err = s.keyring.Field.Seal(key, totpAAD(row.ID)); err != nil {
		return fmt.Errorf("seal the second factor of %s: %w", row.ID, err)
	}
	return s.store.rewrapTOTP(ctx, tx, row)
}

// KeysLeft counts what still stands under older keys, which must stay until it is 0. KEK and TOTP go down with Rewrap and
// RewrapStaff; Peppers are PINs, and Clients secrets, that move when they are next typed or sent.
type KeysLeft struct {
	KEK     int64 `db:"kek"`
	Peppers int64 `db:"peppers"`
	Clients int64 `db:"clients"`
	TOTP    int64 `db:"totp"`
}

// KeysLeft counts them now.
func (s *Service) KeysLeft(ctx context.Context) (KeysLeft, error) {
	kek, err := s.keyring.PINKek.Current()
	if err != nil {
		return KeysLeft{}, fmt.Errorf("name the current KEK: %w", err)
	}
	prefix, err := s.keyring.Field.SealedByCurrent()
	if err != nil {
		return KeysLeft{}, err
	}
	return s.store.keysLeft(ctx, s.db, int64(kek), s.keyring.PINPepper.Current(), prefix)
}
