package rest

import (
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"nova/core/ids"
	"nova/core/money"
)

// Amount is money as the contract writes it.
type Amount struct {
	Amount   string `json:"amount" doc:"Decimal string with as many decimals as the currency has" example:"150.00" pattern:"^-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,3})?$"`
	Currency string `json:"currency" doc:"ISO 4217 code" example:"BBD" pattern:"^[A-Z]{3}$"`
}

func amountOf(a money.Amount) Amount { return Amount{Amount: a.String(), Currency: string(a.Currency)} }

// timeForm is the contract's: RFC 3339, UTC, milliseconds.
const timeForm = "2006-01-02T15:04:05.000Z"

// Time is a moment as the contract writes it.
type Time time.Time

// MarshalJSON writes UTC and milliseconds; finer parts are cut, so that a time never lies in the future.
func (t Time) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, time.Time(t).UTC().Truncate(time.Millisecond).Format(timeForm)), nil
}

// Schema is RFC 3339's.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-11-21T14:00:00.000Z"}}
}

// timeOrNone leaves a time out that is not known yet.
func timeOrNone(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	moment := Time(t)
	return &moment
}

// idOrNone is a TypeID, "" for the zero id.
func idOrNone(p ids.Prefix, id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return ids.Format(p, id)
}
