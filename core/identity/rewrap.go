package identity

import (
	"context"
	"fmt"

	"nova/sql"
)

// rewrapAtOnce keeps each round's locks short: they are those that a payment waits for.
const rewrapAtOnce = 200

// Rewrap moves PINs that an older KEK sealed under the current one, a round at a time, and returns how many it
// moved; 0 tells that none is left and the old key may go. No PIN is needed for it, and none is changed.
func (s *Service) Rewrap(ctx context.Context) (int, error) {
	current, err := s.keyring.PINKek.Current()
	if err != nil {
		return 0, fmt.Errorf("name the current KEK: %w", err)
	}
	moved := 0
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := s.store.wrappedBefore(ctx, tx, int64(current), rewrapAtOnce)
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
