package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"nova/core/fault"
	"nova/core/ledger"
	"nova/sql"
)

// evidenceFor is how long an earlier step of a dialogue may be built upon: the length of the longest dialogue.
const evidenceFor = 10 * time.Minute

// bodyVersion separates the hashes that this package makes from everybody else's under the same key.
const bodyVersion = "nova/core"

// Done is what a claimed transaction left behind, in the words of whoever ran it.
type Done struct {
	Extra    map[string]string
	Replayed bool
}

// Once runs fn in one transaction under a claimed key, at most once for ever, and stores the outcome: what fn
// returns, or its refusal. A repeated key gets the first answer. It takes locks in the order keys, then whatever fn
// locks, which must be credentials before anything of the ledger.
//
// A refusal (any fault but Internal and Unavailable) commits: fn must have written nothing before it refuses but
// what is to last, such as the count of a wrong PIN. Any other error rolls everything back, the claim included.
func (s *Service) Once(ctx context.Context, key ledger.Key, body [32]byte,
	fn func(ctx context.Context, tx *sql.Tx) (map[string]string, error)) (Done, error) {
	var done Done
	var refusal error
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, refusal = Done{}, nil // InTx may run this again
		stored, err := s.keys.ClaimIn(ctx, tx, key, body)
		if err != nil {
			return err
		}
		if stored != nil {
			done, refusal, err = answered(stored)
			return err
		}
		extra, err := fn(ctx, tx)
		if fault.Ours(err) {
			return err
		}
		done.Extra, refusal = extra, err
		return s.settle(ctx, tx, key, done, refusal)
	})
	if err != nil {
		return Done{}, err
	}
	return done, refusal
}

func (s *Service) settle(ctx context.Context, tx *sql.Tx, key ledger.Key, done Done, refusal error) error {
	if refusal != nil {
		stored, err := ledger.EncodeRefusal(refusal)
		if err != nil {
			return err
		}
		return s.keys.SettleIn(ctx, tx, key, stored)
	}
	text, err := json.Marshal(done.Extra)
	if err != nil {
		return fmt.Errorf("encode outcome: %w", err)
	}
	return s.keys.SettleIn(ctx, tx, key, ledger.Stored{Result: string(text)})
}

// answered reads a stored outcome: what was done, or how it was refused.
func answered(stored *ledger.Stored) (done Done, refusal, err error) {
	done.Replayed = true
	if stored.Code != "" {
		return done, stored.Refusal(), nil
	}
	if err := json.Unmarshal([]byte(stored.Result), &done.Extra); err != nil {
		return done, nil, fmt.Errorf("decode stored outcome: %w", err)
	}
	return done, nil, nil
}

// Evidence is nil if the step that was claimed under earlier succeeded, in the person's own scope and at most ten
// minutes ago. A dialogue asks for a secret on one screen and uses it two screens later; the secret is not kept
// meanwhile, so the stored outcome of the first step is the only proof. Else it is a FORBIDDEN. The caller names the
// operation in earlier: evidence of one thing must not pass for another.
func (s *Service) Evidence(ctx context.Context, sub Subject, earlier ledger.Key) error {
	_, err := s.provedAt(ctx, sub, earlier)
	return err
}

// provedAt is Evidence, and when the earlier step succeeded.
func (s *Service) provedAt(ctx context.Context, sub Subject, earlier ledger.Key) (time.Time, error) {
	if earlier.Scope != sub.Scope() {
		return time.Time{}, fault.New(fault.CodeForbidden, "evidence of another person for %s", sub.ID)
	}
	stored, err := s.keys.Stored(ctx, earlier)
	if err != nil {
		return time.Time{}, err
	}
	if stored == nil || stored.Code != "" {
		return time.Time{}, fault.New(fault.CodeForbidden, "no evidence that %s proved themselves", sub.ID)
	}
	if s.clock.Now().Sub(stored.CreatedAt) > evidenceFor {
		return time.Time{}, fault.New(fault.CodeForbidden, "evidence for %s is of %s", sub.ID, stored.CreatedAt)
	}
	return stored.CreatedAt, nil
}

// Body is the keyed hash of a request without its secrets. Parts are told apart by their lengths.
func (s *Service) Body(parts ...string) [32]byte {
	bytes := make([][]byte, 0, len(parts)+1)
	bytes = append(bytes, []byte(bodyVersion))
	for _, part := range parts {
		bytes = append(bytes, []byte(part))
	}
	sum, err := s.keyring.Body.Sum(s.keyring.Body.Current(), bytes...)
	if err != nil {
		panic(fmt.Sprintf("identity: the keyring lacks its own current key: %v", err))
	}
	return sum
}
