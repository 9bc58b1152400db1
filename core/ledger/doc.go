// Package ledger keeps the books: accounts, balances, postings, entries, holds, counters and idempotency keys. Every
// movement of money passes through its one write path, and nothing else writes those tables.
//
// A caller makes a Command, which is only data, and hands it to Writer.Submit. The Writer takes whatever queued up
// while it was committing and runs it as one group. It decides by the balances and counters that it remembers of its own
// last groups; of the rest, and always of credentials, it takes a look in one statement, which stores the promises that
// the commands make as well. The pure function Apply decides each command against that state, one after another. One
// more statement writes everything, is its own transaction, and fails as a whole if a row that it changes is not as it was
// remembered or seen. So a hundred transfers cost one wait for the disk, a hot account is updated once a group instead
// of being queued for, and nothing is locked while anybody thinks. What was remembered wrongly is looked for; where another
// node was at work on the same rows even then, the group runs again as a transaction that locks what it reads. A lone
// command goes at once: there is no timer. Under load two groups are under way, so that one is decided while the other
// waits for the disk; what touches the same account, person or key is never in both.
//
// What is guaranteed. A command runs once, or not at all: its key and its outcome are committed with its money, and
// whoever repeats the key gets the first answer. A refused command changes nothing and disturbs nobody in its
// group. A promise is committed before its command is taken. When a commit's outcome is in doubt, the lane's running
// number or the stored keys tell whether it lasted, and the commands run again with the same ids. A caller who gives up
// before its command was taken knows that nothing happened; later it must ask by key (Store.Outcome). Locks are
// always taken in one order - credentials, balances, holds, transactions, counters, keys, lane, sorted within each -
// so groups, nodes and PostIn do not wait for each other in circles; where PostgreSQL still finds one, the group runs
// again.
//
// An overdraft line is part of a balance: a debit that an account's own money does not cover draws the rest in the same
// posting, and a credit first repays what is owed. A closed day takes no postings; who names the day of a posting holds
// the row that says which days are closed, until it has committed.
//
// Every group that has postings is sealed in the write itself: they hash into a Merkle root (RFC 6962), and that is
// chained to the seal before in the lane. Lane heads form a checkpoint each second, signed and kept outside the
// database, so that not even the database's owner can rewrite what a checkpoint has seen. Check derives everything again
// from the entries, and a Proof needs nothing but a checkpoint.
//
// A lane is a row of every system account and running numbers for one stream of groups, so that neither nodes nor the two
// streams of one node share a row that every transfer touches. It is leased; who lost the lease notices when writing.
//
// PostIn runs one command inside a caller's transaction, for the rare flow that must be atomic with other rows.
package ledger
