package identity

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sql"
)

// otpLimit is how many codes somebody may be sent: at most so many in an hour, and so long after another.
type otpLimit struct {
	who   []byte
	most  int
	apart time.Duration
}

// sendRow is a row of otp_sends.
type sendRow struct {
	WindowFrom time.Time `db:"window_from"`
	Sent       int       `db:"sent"`
	LastAt     time.Time `db:"last_at"`
}

// limitsOf are the counts that one request adds to, in the order in which they are locked.
func (o *OTPs) limitsOf(r OTPRequest) ([]otpLimit, error) {
	subject := r.Subject.ID.String()
	if r.Subject.ID == uuid.Nil {
		subject = r.To.Digits() // the same steps for a number that nobody answers to
	}
	all := []struct {
		words []string
		most  int
		apart time.Duration
	}{
		{[]string{"number", r.To.Digits()}, maxOTPsANumber, 0},
		{[]string{"purpose", string(r.Purpose), r.To.Digits()}, maxOTPsAPurpose, OTPResendAfter},
		{[]string{"subject", subject}, maxOTPsANumber, 0},
	}
	limits := make([]otpLimit, len(all))
	for i, a := range all {
		parts := [][]byte{[]byte(otpSendLabel)}
		for _, word := range a.words {
			parts = append(parts, []byte(word))
		}
		sum, err := o.keyring.Index.Sum(o.keyring.Index.Current(), parts...)
		if err != nil {
			return nil, fmt.Errorf("hash whom a code is for: %w", err)
		}
		limits[i] = otpLimit{who: sum[:], most: a.most, apart: a.apart}
	}
	slices.SortFunc(limits, func(a, b otpLimit) int { return bytes.Compare(a.who, b.who) })
	return limits, nil
}

// countIn counts a code in the transaction that sends it, or refuses it. Each count is one statement that decides by
// the row it locks, so parallel requests cannot pass a limit together.
func (o *OTPs) countIn(ctx context.Context, tx *sql.Tx, r OTPRequest, now time.Time) error {
	limits, err := o.limitsOf(r)
	if err != nil {
		return err
	}
	for _, limit := range limits {
		counted, err := o.store.countOTPSend(ctx, tx, limit, now)
		if err != nil {
			return err
		}
		if counted {
			continue
		}
		row, err := o.store.otpSend(ctx, tx, limit.who)
		if err != nil {
			return err
		}
		free := row.LastAt.Add(limit.apart)
		if again := row.WindowFrom.Add(otpWindow); row.Sent >= limit.most && again.After(free) {
			free = again
		}
		seconds := int((free.Sub(now) + time.Second - 1) / time.Second)
		return fault.New(fault.RateLimitExceeded, "codes for %s", r.Purpose).With("retry_after_seconds", max(seconds, 1))
	}
	return nil
}
