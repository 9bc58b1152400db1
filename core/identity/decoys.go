package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/secret"
)

// A decoy is the PIN of nobody. Who signs in under a name that nobody answers to, or as somebody without a PIN, is
// compared with one: the same statements run, the same hash is made, the same count locks after the same number of
// guesses. So no answer and no time tells whether somebody exists.
//
// There are so many and no more, so that guessing names cannot fill the table; two unknown names may share a count.
const (
	decoySlots = 1 << 16
	decoyKind  = Kind("decoy")
	decoyLabel = "decoy"
)

// decoyOf is the decoy that a name is compared with: a UUID of version 8, as no real subject has.
func decoyOf(keyring *secret.Keyring, kind Kind, login string) (uuid.UUID, error) {
	sum, err := keyring.Index.Sum(keyring.Index.Current(), []byte(decoyLabel), []byte(kind), []byte(login))
	if err != nil {
		return uuid.Nil, fmt.Errorf("hash a login: %w", err)
	}
	id := uuid.UUID{6: 0x80, 8: 0x80}
	copy(id[14:], sum[:2]) // decoySlots
	return id, nil
}

// ensureDecoy makes a decoy that is not there yet, with a hash that no PIN has.
func (s *Service) ensureDecoy(ctx context.Context, id uuid.UUID, now time.Time) error {
	row := &credential{
		SubjectKind: decoyKind, SubjectID: id, Salt: make([]byte, saltBytes), PepperVersion: s.keyring.PINPepper.Current(),
	}
	hash := make([]byte, 32)
	_, _ = rand.Read(row.Salt) // crypto/rand.Read never fails
	_, _ = rand.Read(hash)
	if err := s.credentials.seal(row, hash); err != nil {
		return err
	}
	return s.store.addDecoy(ctx, s.db, row, now)
}
