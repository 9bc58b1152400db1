package ledger

import (
	"crypto/hmac"

	"nova/core/fault"
)

// replay answers a command whose key was there before.
func (k *claim) replay(row keyRow) {
	k.replays, k.stored = true, true
	k.result, k.err = Result{}, nil
	if !row.withdrawn() && !hmac.Equal(row.Body, k.command.Body[:]) {
		k.err = conflict()
		return
	}
	stored := row.stored()
	k.result, k.err = stored.outcome()
}

// withdrawn tells that the key was taken by Withdraw, which knows no body.
func (row *keyRow) withdrawn() bool {
	var none [32]byte
	return row.Code == withdrawnCode && hmac.Equal(row.Body, none[:])
}

func conflict() error {
	return fault.New(fault.IdempotencyConflict, "the key was used with another body")
}

// twins splits a group into commands with different keys, in order, and for each later twin of one of them its
// place there.
func twins(group []*request) (first []*request, later map[*request]*request) {
	if len(group) == 1 {
		return group, nil
	}
	owner := make(map[[32]byte]*request, len(group))
	for _, r := range group {
		if own := owner[r.claim.digest]; own != nil {
			if later == nil {
				later = map[*request]*request{}
			}
			later[r] = own
			continue
		}
		owner[r.claim.digest] = r
		first = append(first, r)
	}
	return first, later
}

// follow answers a twin with what came of the first one of its key, and is false where that says nothing about it:
// an outcome that was not stored belongs to the secret that was typed with it.
func (r *request) follow(own *request) bool {
	mine, its := r.claim.command, own.claim.command
	same := hmac.Equal(mine.Body[:], its.Body[:])
	switch {
	case own.gone(), fault.Is(own.claim.err, fault.IdempotencyConflict):
		return false
	case own.claim.stored && !same:
		r.claim.err = conflict()
		return true
	case own.claim.stored:
		r.claim.result, r.claim.err = own.claim.result, own.claim.err
		r.claim.result.Replayed = true
		return true
	case same && sameSecret(mine.Check, its.Check):
		r.claim.result, r.claim.err = own.claim.result, own.claim.err
		return true
	}
	return false
}

func sameSecret(a, b *Check) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Subject == b.Subject && a.Secret.Equal(b.Secret)
}
