package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/outbox"
	"nova/sql"
)

const (
	// sweepAtOnce bounds one round of each kind.
	sweepAtOnce = 500
	// keepSignIns is how long a family that is over stays, to be asked about; the record of acts stays for ever.
	keepSignIns = 30 * 24 * time.Hour
	// keepShort is how long codes, challenges and counts of what was sent stay.
	keepShort = 24 * time.Hour
)

// Sweep ends codes whose time is over, together with their notices, and deletes what nobody needs any more. It returns
// how many rows it took; a worker calls it now and then.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	now := s.clock.Now()
	swept, err := s.endCodes(ctx, now)
	if err != nil {
		return swept, err
	}
	for _, sweep := range []struct {
		query sql.Query
		keep  time.Duration
	}{
		{s.store.queries.Get("sweep_otps"), keepShort},
		{s.store.queries.Get("sweep_otp_sends"), keepShort},
		{s.store.queries.Get("sweep_step_ups"), keepShort},
		{s.store.queries.Get("sweep_sign_ins"), keepSignIns},
	} {
		n, err := s.store.sweep(ctx, s.db, sweep.query, now.Add(-sweep.keep))
		swept += n
		if err != nil {
			return swept, err
		}
	}
	return swept, nil
}

func (s *Service) endCodes(ctx context.Context, now time.Time) (int, error) {
	ended := 0
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		notices, err := s.store.overOTPs(ctx, tx, now, sweepAtOnce)
		if err != nil {
			return err
		}
		ended = len(notices)
		var sent []uuid.UUID
		for _, notice := range notices {
			if notice.Valid {
				sent = append(sent, notice.UUID)
			}
		}
		return outbox.WithdrawIn(ctx, tx, sent...)
	})
	return ended, err
}
