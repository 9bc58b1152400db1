package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sql"
)

// Stored is what stands under a key: Code is empty for a result and the refusal's code otherwise; Result is JSON.
// A core package that claims keys for transactions of its own (ClaimIn, SettleIn) gives Result whatever form it
// likes.
type Stored struct {
	Code      fault.Code
	Result    string
	CreatedAt time.Time
}

// keepable says which refusals are stored: those that asking again cannot change, 422 and 409 but for the
// IDEMPOTENCY ones, as the HTTP contract has it. The others leave the key free.
var keepable = map[fault.Code]bool{
	fault.InsufficientFunds: true, fault.LimitExceeded: true, fault.MaxBalanceExceeded: true, fault.SameParties: true,
	fault.AccountFrozen: true, fault.AccountClosed: true, fault.UnbalancedPosting: true, fault.CurrencyMismatch: true,
	fault.CustomerNotFound: true,
	fault.DuplicateEntity:  true, fault.InvalidState: true, fault.AlreadyReversed: true, fault.PeriodClosed: true,
	fault.MakerCheckerViolation: true,
}

// kept tells whether a command's refusal is stored. What we broke ourselves never is: it is to be tried again.
func kept(err error, keep bool) bool {
	f := fault.From(err)
	if errors.Is(err, ErrStale) || f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return false
	}
	return keep || keepable[f.Code]
}

// resultText is the stored form of a result: short names, ids in base64, microseconds. A posting is kept for ever
// and its result with it, so each byte counts.
type resultText struct {
	Posting     string            `json:"p,omitempty"`
	Transaction string            `json:"t,omitempty"`
	Receipt     string            `json:"r,omitempty"`
	At          int64             `json:"at,omitempty"`
	Accounts    []string          `json:"a,omitempty"`
	Money       []int64           `json:"m,omitempty"` // posted, available of each account
	Holds       []string          `json:"h,omitempty"`
	Draws       []drawText        `json:"d,omitempty"`
	Extra       map[string]string `json:"x,omitempty"`
}

// drawText is what a posting did with one account's overdraft line.
type drawText struct {
	Account string `json:"a"`
	Drawn   int64  `json:"d,omitempty"`
	Fee     int64  `json:"f,omitempty"`
	Repaid  int64  `json:"r,omitempty"`
}

var idText = base64.RawURLEncoding

// encodeResult writes the JSON by hand: it runs for every command, and reflection would cost more than Apply.
func encodeResult(r *Result) (string, error) {
	b := make([]byte, 0, 256)
	b = append(b, '{')
	if r.Posting != uuid.Nil {
		b = appendID(append(b, `"p":`...), r.Posting)
	}
	if r.Transaction != uuid.Nil {
		b = appendID(append(comma(b), `"t":`...), r.Transaction)
	}
	if r.Receipt != "" {
		b = strconv.AppendQuote(append(comma(b), `"r":`...), r.Receipt)
	}
	b = strconv.AppendInt(append(comma(b), `"at":`...), r.BookedAt.UnixMicro(), 10)
	b = appendBalances(b, r)
	for i, id := range r.Holds {
		if i == 0 {
			b = append(comma(b), `"h":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendID(b, id)
	}
	if len(r.Holds) > 0 {
		b = append(b, ']')
	}
	if len(r.Draws) > 0 {
		draws, err := json.Marshal(drawTexts(r.Draws))
		if err != nil {
			return "", fmt.Errorf("encode result: %w", err)
		}
		b = append(append(comma(b), `"d":`...), draws...)
	}
	if len(r.Extra) > 0 {
		var err error
		if b, err = sql.AppendObject(append(comma(b), `"x":`...), r.Extra); err != nil {
			return "", fmt.Errorf("encode result: %w", err)
		}
	}
	return string(append(b, '}')), nil
}

func drawTexts(draws map[uuid.UUID]Draw) []drawText {
	texts := make([]drawText, 0, len(draws))
	for id, d := range draws {
		texts = append(texts, drawText{Account: idText.EncodeToString(id[:]), Drawn: d.Drawn, Fee: d.Fee, Repaid: d.Repaid})
	}
	return texts
}

func appendBalances(b []byte, r *Result) []byte {
	if len(r.Balances) == 0 {
		return b
	}
	figures := make([]byte, 0, 64)
	b = append(comma(b), `"a":[`...)
	first := true
	for id, posted := range r.Balances {
		if !first {
			b, figures = append(b, ','), append(figures, ',')
		}
		first = false
		b = appendID(b, id)
		figures = append(strconv.AppendInt(figures, posted, 10), ',')
		figures = strconv.AppendInt(figures, r.Available[id], 10)
	}
	b = append(append(b, `],"m":[`...), figures...)
	return append(b, ']')
}

func comma(b []byte) []byte {
	if b[len(b)-1] == '{' {
		return b
	}
	return append(b, ',')
}

func appendID(b []byte, id uuid.UUID) []byte {
	b = append(b, '"')
	b = idText.AppendEncode(b, id[:])
	return append(b, '"')
}

func decodeResult(text string) (Result, error) {
	var t resultText
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return Result{}, fmt.Errorf("decode stored result: %w", err)
	}
	r := Result{Receipt: t.Receipt, BookedAt: time.UnixMicro(t.At).UTC(), Extra: t.Extra}
	var err error
	if r.Posting, err = parseID(t.Posting); err != nil {
		return Result{}, err
	}
	if r.Transaction, err = parseID(t.Transaction); err != nil {
		return Result{}, err
	}
	for _, text := range t.Holds {
		id, err := parseID(text)
		if err != nil {
			return Result{}, err
		}
		r.Holds = append(r.Holds, id)
	}
	for _, d := range t.Draws {
		id, err := parseID(d.Account)
		if err != nil {
			return Result{}, err
		}
		if r.Draws == nil {
			r.Draws = make(map[uuid.UUID]Draw, len(t.Draws))
		}
		r.Draws[id] = Draw{Drawn: d.Drawn, Fee: d.Fee, Repaid: d.Repaid}
	}
	return r, decodeBalances(&r, &t)
}

func decodeBalances(r *Result, t *resultText) error {
	if len(t.Money) != 2*len(t.Accounts) {
		return fmt.Errorf("decode stored result: %d figures for %d accounts", len(t.Money), len(t.Accounts))
	}
	if len(t.Accounts) == 0 {
		return nil
	}
	r.Balances = make(map[uuid.UUID]int64, len(t.Accounts))
	r.Available = make(map[uuid.UUID]int64, len(t.Accounts))
	for i, text := range t.Accounts {
		id, err := parseID(text)
		if err != nil {
			return err
		}
		r.Balances[id], r.Available[id] = t.Money[2*i], t.Money[2*i+1]
	}
	return nil
}

func parseID(text string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	raw, err := idText.DecodeString(text)
	if err != nil {
		return uuid.Nil, fmt.Errorf("decode stored id: %w", err)
	}
	id, err := uuid.FromBytes(raw)
	if err != nil {
		return uuid.Nil, fmt.Errorf("decode stored id: %w", err)
	}
	return id, nil
}

// refusalText is the stored form of a refusal beside its code: what callers are told, and nothing for operators.
type refusalText struct {
	Fields map[string]string `json:"f,omitempty"`
	Extra  map[string]any    `json:"x,omitempty"`
}

// EncodeRefusal is the stored form of a refusal, for core packages that settle keys of their own.
func EncodeRefusal(err error) (Stored, error) {
	f := fault.From(err)
	text, jsonErr := json.Marshal(refusalText{Fields: f.Fields, Extra: f.Extra})
	if jsonErr != nil {
		return Stored{}, fmt.Errorf("encode refusal: %w", jsonErr)
	}
	return Stored{Code: f.Code, Result: string(text)}, nil
}

// Refusal is the stored refusal as it was first answered; nil where a result is stored.
func (s *Stored) Refusal() error {
	if s.Code == "" {
		return nil
	}
	var t refusalText
	decoder := json.NewDecoder(bytes.NewReader([]byte(s.Result)))
	decoder.UseNumber()
	if err := decoder.Decode(&t); err != nil {
		return fmt.Errorf("decode stored refusal: %w", err)
	}
	f := fault.New(s.Code, "as first answered at %s", s.CreatedAt.Format(time.RFC3339))
	f.Fields = t.Fields
	for name, value := range t.Extra {
		if number, is := value.(json.Number); is {
			n, err := number.Int64()
			if err != nil {
				return fmt.Errorf("decode stored refusal: %w", err)
			}
			value = int(n)
		}
		f = f.With(name, value)
	}
	return f
}

// outcome is the stored answer of a command.
func (s *Stored) outcome() (Result, error) {
	if s.Code != "" {
		return Result{Replayed: true}, s.Refusal()
	}
	r, err := decodeResult(s.Result)
	r.Replayed = true
	return r, err
}
