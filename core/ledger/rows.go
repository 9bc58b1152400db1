package ledger

import (
	"time"

	"nova/core/fault"
	"nova/core/money"
	"nova/sql"
)

// groupRows is what a group decides by: a text a part, a line a row, words between spaces.
type groupRows struct {
	Credentials                        string
	Balances, Holds, Changes, Counters string
	Keys, Intents                      string
	References                         string `db:"client_references"`
	Reversed                           string
	ClosedThrough                      string `db:"closed_through"`
}

// readKey reads body, created_at, code, result.
func readKey(r *sql.RowReader) keyRow {
	row := keyRow{Body: r.Bytes(), CreatedAt: r.Time(), Code: fault.Code(r.Word())}
	row.Result = string(r.Bytes())
	return row
}

// addBalance reads account_id, lane, currency, credit_normal, status, tier, floor, posted, held, sequence, booked_at; and, of an
// overdraft line, receivable, limit, fee, until.
func (st *State) addBalance(r *sql.RowReader) {
	a := &account{id: r.UUID(), lane: r.Small(), currency: money.Currency(r.Word()), normal: Debit}
	if r.Word() == "1" {
		a.normal = Credit
	}
	a.status, a.tier, a.floor = Status(r.Word()), r.Small(), r.Optional()
	a.posted, a.held, a.sequence, a.bookedAt = r.Number(), r.Number(), r.Number(), r.Time()
	a.read.held, a.read.sequence = a.held, a.sequence
	if r.More() {
		a.line = &OverdraftLine{Account: a.id, Receivable: r.UUID(), Limit: r.Number(), FeeBPS: r.Small()}
		if until := r.Optional(); until != nil {
			a.line.Until = time.UnixMicro(*until).UTC()
		}
	}
	st.accounts[a.id] = a
}

// addHold reads id, account_id, minor, captured, status, code_version, code_hash, tries, fee, expires_at, kind.
func (st *State) addHold(r *sql.RowReader) {
	h := &hold{Hold: Hold{ID: r.UUID(), Account: r.UUID(), Minor: r.Number(), Captured: r.Number()}}
	h.Status = HoldStatus(r.Word())
	h.version, h.codeHash, h.Tries, h.Fee = r.Small(), r.Bytes(), r.Small(), r.Number()
	h.ExpiresAt, h.Kind = r.Time(), HoldKind(r.Rest())
	h.readTries = h.Tries
	st.holds[h.ID] = h
	if h.Kind == WithdrawalCode && h.Status == HoldActive {
		st.liveCodes[h.Account] = h.ID
	}
}
