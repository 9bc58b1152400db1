package sessions

import (
	"time"

	"github.com/google/uuid"
)

// Limits on what one dialogue may keep. They bound what a caller can make us store
// and decode on every hop, and are far above what any flow needs.
const (
	// MaxRecord is the size of one record in Redis, seal and version included. The
	// session of a PIN screen takes some 400 bytes.
	MaxRecord = 4 << 10
	// MaxValues counts a session's typed values; the longest flow asks for eight.
	MaxValues = 32
	// MaxStack counts the screens behind the present one; menus are two levels and
	// then straight steps.
	MaxStack = 32
)

// Key names a session as its gateway does. Ids of different gateways never meet.
type Key struct {
	// Gateway is our own name of the gateway, from configuration.
	Gateway string
	// ID is the gateway's session id, as sent: any bytes, at most MaxID of them. A
	// gateway without session ids may give the caller's number; it is hashed then.
	ID string
}

// Reply is one screen as it leaves for the handset.
type Reply struct {
	Text string
	End  bool // the network closes the session after this screen
}

// Session is everything remembered between two hops of one dialogue. Its owner is
// package menus, and the hop pipeline for what recognises a repeated hop; this package
// only keeps it. Times are kept to the microsecond, in UTC. It never holds a PIN, an
// OTP or a raw text.
type Session struct {
	// Dialogue is minted at each begin, as session ids may recycle; (Dialogue, Hop)
	// names an effect in PostgreSQL.
	Dialogue uuid.UUID
	// Caller is the keyed hash of the MSISDN. Save sets it.
	Caller [32]byte
	Began  time.Time

	Root   string   // the home that was dialled
	Flow   string   // the errand
	Screen string   // the screen that awaits an input
	Stack  []string // the screens behind it, oldest first
	Values map[string]string

	Hop   int // inputs taken so far
	Read  int // bytes read of a cumulative text
	Seq   int // the gateway's counter, where it has one
	Tries int // refusals of the present screen
	Page  int // of a paged screen, from 0

	Language string
	Menu     string // the menu version the dialogue began with
	Reply    Reply  // the screen last answered, for repeats
	Ended    bool

	// InputMAC and Opening are keyed hashes of the last input and of the begin: they
	// recognise a repeat without keeping what was typed.
	InputMAC   []byte
	AnsweredAt time.Time
	Opening    []byte
}

// Resume is what a caller left waiting, shown at the next dial. It is a hint: ask
// PostgreSQL what became of Intent before acting on it.
type Resume struct {
	Dialogue uuid.UUID // the dialogue that left it
	Flow     string
	Screen   string
	Stack    []string
	Values   map[string]string
	Intent   uuid.UUID
	At       time.Time
	Language string
}

// IsZero reports whether nothing waits. Save deletes the pointer for a zero Resume.
func (r *Resume) IsZero() bool {
	return r.Dialogue == uuid.Nil && r.Flow == "" && r.Screen == "" && len(r.Stack) == 0 &&
		len(r.Values) == 0 && r.Intent == uuid.Nil && r.At.IsZero() && r.Language == ""
}
