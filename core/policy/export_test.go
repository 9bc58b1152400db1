package policy

import (
	"time"

	"github.com/cedar-policy/cedar-go"

	"nova/core/money"
)

// CheckRequest tells where what is built for a request is not what the schema promises to policies.
func CheckRequest(r Request) error {
	v, err := newValidator()
	if err != nil {
		return err
	}
	who, what := r.Caller.entity(), r.Resource.entity()
	if err := v.Entities(cedar.EntityMap{who.UID: who, what.UID: what}); err != nil {
		return err
	}
	return v.Request(cedar.Request{
		Principal: who.UID, Action: cedar.NewEntityUID(actionType, cedar.String(r.Purpose)), Resource: what.UID,
		Context: r.record(time.Unix(0, 0), money.Amount{}),
	})
}
