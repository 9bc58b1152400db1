// Package audit is the record of privileged and security acts and of reads of personal data: who did what to whom, for which
// purpose, by which policy, and how it ended.
//
// Events are written in the transaction of the act (RecordIn), or behind it where the act has none (Log). A sealer chains them
// a second later, and the chain's head is signed and kept outside the database, so that nobody can change, remove, add or
// move an event unseen. Recording takes no lock that another recorder waits for.
//
// It knows nobody: actors and objects are the names that others give. Its one rule: nothing secret stands in an event. Texts
// are bounded, the names of details are a fixed vocabulary, and what looks like a phone number or a token is masked whoever
// wrote it there.
package audit

import (
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// The outcomes of an act.
const (
	// Done: it happened.
	Done = "done"
	// Refused: it was asked for and not allowed, or what proved the asker was wrong.
	Refused = "refused"
	// Failed: it was allowed and did not happen, or it is not known whether it did.
	Failed = "failed"
)

// Nova is the actor of what no person asked for.
const Nova = "nova"

// Anonymous is the actor whom nobody has proved yet: who fails to sign in.
const Anonymous = "anonymous"

// Event is one act. An act that names no object, purpose, policy, channel or correlation leaves those empty.
type Event struct {
	// ID and At are given by whoever records: a UUIDv7, and the time of the record.
	ID uuid.UUID
	At time.Time
	// Actor is who acted, Object to whom or what: TypeIDs (stf_..., cus_...), Nova or Anonymous.
	Actor  string
	Action string // what was done, as operations are called: "auth.login", "core_posting_create"
	Object string
	// Outcome is Done, Refused or Failed.
	Outcome string
	// Purpose is why, and Policy what allowed or forbade it.
	Purpose, Policy string
	// Channel is the door that it came through, Correlation the id that ties it to the log's lines.
	Channel, Correlation string
	// Detail says more, under the names of the vocabulary.
	Detail map[string]string
}

// The vocabulary of Detail. What has no name here cannot be recorded; a new name is a line here, which somebody reviews.
const (
	DetailAAL      = "aal"      // assurance level, 1 to 3
	DetailAddress  = "address"  // network address of the caller
	DetailAmount   = "amount"   // decimal, without a currency: "150.00"
	DetailApproval = "approval" // apr_...
	DetailAttempts = "attempts_left"
	DetailCase     = "case"
	DetailCode     = "code" // the fault's: PIN_INVALID
	DetailCount    = "count"
	DetailCurrency = "currency"
	DetailDevice   = "device"
	DetailExpires  = "expires_at"
	DetailFactor   = "factor" // how somebody was proved: pin, totp, device
	DetailFields   = "fields" // names of what was read or changed, never their values
	DetailFile     = "file"
	DetailFrom     = "from" // a state before, and DetailTo the one after
	DetailTo       = "to"
	DetailKey      = "key_id" // a key's name
	DetailKind     = "kind"
	DetailLimit    = "limit" // which limit was met
	DetailLogin    = "login" // the name that somebody gave at a sign-in
	DetailMaker    = "maker"
	DetailMSISDN   = "msisdn" // masked
	DetailNote     = "note"   // a person's own words
	DetailOwner    = "owner"
	DetailPlatform = "platform"
	DetailQuery    = "query" // what was searched for, in the words of the endpoint
	DetailReason   = "reason"
	DetailRole     = "role"
	DetailScope    = "scope"
	DetailSession  = "session"
	DetailTier     = "tier"
	DetailToken    = "token_id" // a token's jti, never a token
	DetailTxn      = "txn"
	DetailVersion  = "version"
)

// vocabulary is the set of these names.
var vocabulary = words(
	DetailAAL, DetailAddress, DetailAmount, DetailApproval, DetailAttempts, DetailCase, DetailCode, DetailCount,
	DetailCurrency, DetailDevice, DetailExpires, DetailFactor, DetailFields, DetailFile, DetailFrom, DetailTo, DetailKey,
	DetailKind, DetailLimit, DetailLogin, DetailMaker, DetailMSISDN, DetailNote, DetailOwner, DetailPlatform, DetailQuery,
	DetailReason, DetailRole, DetailScope, DetailSession, DetailTier, DetailToken, DetailTxn, DetailVersion,
)

// outcomes are the words of Outcome.
var outcomes = words(Done, Refused, Failed)

func words(list ...string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, word := range list {
		set[word] = true
	}
	return set
}

// actionForm is what an action may be called: it is searched for, so it is a word of our own code and never a caller's.
var actionForm = regexp.MustCompile(`^[a-z][a-z0-9_.\-]{0,63}$`)

// check refuses what only a mistake in our own code can have made. What people and other systems wrote is cleaned instead,
// because their act must be recorded whatever they called themselves.
func (e *Event) check() error {
	switch {
	case e.Actor == "":
		return fmt.Errorf("audit event %q names no actor", e.Action)
	case !actionForm.MatchString(e.Action):
		return fmt.Errorf("audit event of an action called %.64q", e.Action)
	case !outcomes[e.Outcome]:
		return fmt.Errorf("audit event %s has the outcome %.64q", e.Action, e.Outcome)
	}
	for name := range e.Detail {
		if !vocabulary[name] {
			return fmt.Errorf("audit event %s has a detail called %.64q, which is not in the vocabulary", e.Action, name)
		}
	}
	return nil
}
