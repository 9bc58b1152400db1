package rest

import (
	"context"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/secret"
)

type agentPINInput struct {
	Body struct {
		OperatorLogin
		PIN    secret.Text `json:"pin" doc:"The one in use" example:"2468" maxLength:"6" minLength:"4"`
		NewPIN secret.Text `json:"new_pin" doc:"4 to 6 digits, not easy to guess" example:"8642" maxLength:"6" minLength:"4"`
	}
}

// agentPIN answers POST /v1/agent/auth/pin.
func (s *side) agentPIN(ctx context.Context, in *agentPINInput) (*struct{}, error) {
	who, login, err := s.operatorOf(ctx, in.Body.OperatorLogin)
	if err != nil {
		return nil, err
	}
	if err := newPIN(in.Body.NewPIN); err != nil {
		return nil, err
	}
	proved, err := s.Apps.SignIns.Prove(ctx, s.typed(ctx, who, login, in.Body.PIN, ""))
	if err != nil {
		return nil, err
	}
	return nil, newPINs(s.Apps.Workers.ChangePIN(ctx, s.once(who, "pin.change"), who.ID, proved, in.Body.NewPIN))
}

type customerPINInput struct {
	Body struct {
		CustomerLogin
		NewPIN    secret.Text `json:"new_pin" doc:"4 to 6 digits, not easy to guess" example:"8642" maxLength:"6" minLength:"4"`
		PIN       secret.Text `json:"pin,omitzero" doc:"The one in use" example:"1357" maxLength:"6" minLength:"4"`
		OTPToken  secret.Text `json:"otp_token,omitzero" doc:"For a forgotten PIN: of a code for pin_reset" maxLength:"100" minLength:"1"`
		BirthYear int         `json:"birth_year,omitempty" doc:"For a forgotten PIN" example:"1985" minimum:"1900" maximum:"2100"`
		LastFour  secret.Text `json:"id_last_four,omitzero" doc:"For a forgotten PIN: the last four characters of the ID number" example:"0011" minLength:"4" maxLength:"4"`
	}
}

// customerPIN answers POST /v1/customer/auth/pin.
func (s *side) customerPIN(ctx context.Context, in *customerPINInput) (*struct{}, error) {
	who, login, err := s.customerOf(ctx, in.Body.CustomerLogin)
	if err != nil {
		return nil, err
	}
	if err := newPIN(in.Body.NewPIN); err != nil {
		return nil, err
	}
	switch {
	case in.Body.PIN.IsZero() == in.Body.OTPToken.IsZero():
		return nil, fault.New(fault.ValidationError, "a new PIN against two proofs or none").Field("pin", "or otp_token is required, not both")
	case in.Body.PIN.IsZero():
		return nil, newPINs(s.resetPIN(ctx, who, in))
	}
	proved, err := s.Apps.SignIns.Prove(ctx, s.typed(ctx, who, login, in.Body.PIN, ""))
	if err != nil {
		return nil, err
	}
	return nil, newPINs(s.Apps.People.ChangePIN(ctx, s.once(who, "pin.change"), who.ID, proved, in.Body.NewPIN))
}

// resetPIN asks for all that a handset proves: its SIM, by the code, and the answers.
func (s *side) resetPIN(ctx context.Context, who identity.Subject, in *customerPINInput) error {
	if in.Body.BirthYear == 0 || in.Body.LastFour.IsZero() {
		return fault.New(fault.ValidationError, "a reset without answers").
			Field("birth_year", "is required with otp_token").Field("id_last_four", "is required with otp_token")
	}
	if err := s.Apps.OTPs.Use(ctx, in.Body.OTPToken, identity.OTPUse{Purpose: identity.OTPPINReset, Subject: who}); err != nil {
		return err
	}
	answered := s.once(who, "identity.confirm")
	if err := s.Apps.People.ConfirmIdentity(ctx, answered, who.ID, in.Body.BirthYear, in.Body.LastFour.Reveal()); err != nil {
		return err
	}
	return s.Apps.People.SetFirstPIN(ctx, s.once(who, "pin.first"), who.ID, answered, in.Body.NewPIN)
}

// once is a key for what happens once because its proof is good once.
func (s *side) once(who identity.Subject, operation string) ledger.Key {
	return ledger.Key{Scope: who.Scope(), Operation: operation, Value: ids.New(s.Clock.Now()).String()}
}

// newPIN refuses a weak PIN before anything is spent on it.
func newPIN(pin secret.Text) error { return newPINs(identity.CheckPIN(pin, 0)) }

// newPINs says that it is the new PIN which will not do.
func newPINs(err error) error {
	if !fault.Is(err, fault.ValidationError) {
		return err
	}
	f := fault.From(err)
	problem := f.Fields["pin"]
	if problem == "" {
		return err
	}
	return fault.New(fault.ValidationError, "%s", f.Detail).Field("new_pin", problem)
}
