// Package sessions keeps the live dialogues of handsets in Redis: where a person is
// in the menu, what was typed so far, and the last screen shown. It knows nothing of
// flows, wording or money, and it is the only package that speaks to Redis.
//
// # What a session is
//
// USSD is a conversation of hops: the network opens a session, the person reads a
// screen and types an input, and each input reaches us as a call of its own, on any
// node, often late, sometimes twice. Between two hops a Session is all we remember.
// It must survive the process that wrote it, but nothing may depend on its surviving:
// money's outcome is read from PostgreSQL, so a lost session costs a redial and never
// money.
//
// # A hop
//
// Load reads the session in one round trip (with a begin, also the caller's Resume).
// The menus decide the next state and the reply. Save writes both in one round trip,
// by compare-and-set: it succeeds only on the version that Load saw. When a gateway
// delivers one hop twice at once, exactly one Save wins, and the other is handed the
// winner's session, whose reply it answers byte for byte. Nothing is locked, so
// nothing can stay locked.
//
// # The record
//
// Redis holds, under "{gateway:session id}", 16 random version bytes and then the
// sealed session: authenticated encryption with the key's name as additional data, so
// that a record can be neither read, nor altered, nor moved to another key. What is
// typed may be personal data; a PIN or an OTP must never be put into a Session at all.
// The braces are Redis Cluster's hash tag. The caller's number stands nowhere in
// clear: a keyed hash of it is inside the seal, and Load by another caller returns
// ErrOtherCaller and shows nothing. A record that can't be unsealed counts as absent.
//
// # Resume
//
// One pointer for each caller, "resume:" and the keyed hash of the number, says what
// that person left unfinished, across sessions and gateways. It usually lies in
// another slot than the session, so it can't be written by the same script: it is a
// plain SET in the same pipeline, and last writer wins. That is right because a
// pointer is a hint and never a fact. Copies of one hop write the same pointer, since
// every effect is claimed once per (dialogue, hop) in PostgreSQL and the loser reads
// the winner's outcome there; should truly different inputs race, the pointer may be
// the loser's, so whoever acts on one first asks PostgreSQL what became of its Intent.
//
// # Dials
//
// How often one number opens a dialogue is limited. A begin is counted in the same round
// trip that reads its record, and only one that finds no record is refused for it, so that
// what is delivered again is answered as before. Package rates says how counting works.
//
// # What Redis guarantees, and what it does not
//
// A Save that returned is in the memory of one master. Replication is asynchronous
// and we do not WAIT for it: that is a third round trip a hop, and a stale session
// harms nobody. After a fail-over a session is therefore found as it was last saved,
// or as it was some hops earlier (normally one, within the last second), or not at
// all; never mixed, as each record is whole and sealed whole. A Save that meets a
// record older than the one it started from puts itself in that record's place. A hop
// done twice in this way claims the same (dialogue, hop) in PostgreSQL and so moves
// nothing twice. While no master serves a key, Load and Save fail with
// SERVICE_UNAVAILABLE within the context's deadline.
package sessions
