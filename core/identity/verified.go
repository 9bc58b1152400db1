package identity

import (
	"crypto/sha256"
	"sync"
	"time"

	"nova/core/secret"
)

// maxVerified bounds the tokens that are remembered: some megabytes.
const maxVerified = 10_000

// verified remembers tokens whose signature and claims were found good, by their hash, until they expire. A client calls
// thousands of times with one token, and checking a signature takes longer than all else that its call does in Go. It
// knows nothing that could change: a token is good until it expires, and whatever else is asked of its bearer is asked
// each time. It is safe for concurrent use.
type verified struct {
	mu     sync.RWMutex
	tokens map[[sha256.Size]byte]verifiedToken
}

type verifiedToken struct {
	principal Principal
	until     time.Time
}

func hashOf(token secret.Text) [sha256.Size]byte { return sha256.Sum256([]byte(token.Reveal())) }

// get is the principal of a token that was found good before and has not expired.
func (v *verified) get(token [sha256.Size]byte, now time.Time) (Principal, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	found, ok := v.tokens[token]
	return found.principal, ok && now.Before(found.until)
}

// put remembers a token; a full memory is emptied first, and fills again with those that are in use.
func (v *verified) put(token [sha256.Size]byte, p Principal, until time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tokens == nil || len(v.tokens) >= maxVerified {
		v.tokens = make(map[[sha256.Size]byte]verifiedToken)
	}
	v.tokens[token] = verifiedToken{principal: p, until: until}
}
