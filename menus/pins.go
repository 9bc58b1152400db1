package menus

import (
	"context"
	"strconv"

	"github.com/looplab/fsm"

	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
)

// The steps that every new PIN goes through. Between the two hops only a salted hash of it is kept.
const (
	pending   = "pin.pending"
	birthYear = "birth_year"
	proved    = "proved"
)

// startAgain leads back to the first time where the second PIN differs.
var startAgain = fsm.EventDesc{Name: "start_again", Src: []string{"again"}, Dst: "new"}

// changePIN: old, new, again.
func changePIN() Flow {
	return Flow{
		Name: "change_pin", Purpose: policy.CustomerAccountView,
		Starts: []string{"old"},
		Events: append(steps("old", "new", "again", "changed"), startAgain),
		Screens: map[string]Screen{
			"old":     {Kind: Choose, Text: "change_pin.old", Read: readOldPIN},
			"new":     {Kind: Choose, Text: "change_pin.new", Read: readNewPIN},
			"again":   {Kind: Choose, Text: "change_pin.again", Read: readPINAgain(setChangedPIN)},
			"changed": {Kind: Result, Text: "change_pin.changed"},
		},
	}
}

func readOldPIN(ctx context.Context, t *Turn, input string) (string, error) {
	proof, err := t.prove(input)
	if err != nil {
		return "", err
	}
	if err := t.Services().Identity.Authenticate(ctx, t.Key(), proof); err != nil {
		return "", err
	}
	t.KeepKey(proved)
	return next, nil
}

func setChangedPIN(ctx context.Context, t *Turn, pin secret.Text) error {
	if t.s.Root == string(AgentRoot) {
		return t.Services().Agents.ChangePIN(ctx, t.Key(), t.Me(), t.EarlierKey(proved), pin)
	}
	return t.Services().Customers.ChangePIN(ctx, t.Key(), t.Me(), t.EarlierKey(proved), pin)
}

// operatorSettings: PIN or language, then the same steps as a customer's.
func operatorSettings() Flow {
	settings := changePIN()
	settings.Name, settings.Purpose, settings.Starts = "operator_settings", policy.AgentTransact, []string{"choose"}
	settings.Events = append(settings.Events,
		fsm.EventDesc{Name: "pin", Src: []string{"choose"}, Dst: "old"},
		fsm.EventDesc{Name: "language", Src: []string{"choose"}, Dst: "language"},
		fsm.EventDesc{Name: next, Src: []string{"language"}, Dst: "chosen"},
	)
	settings.Screens["choose"] = Screen{
		Kind: Choice, Text: "operator_settings.choose", Read: chooseSetting, Choices: []string{"1", "2"},
	}
	for name, screen := range language().Screens {
		if name == "choose" {
			name = "language"
		}
		settings.Screens[name] = screen
	}
	return settings
}

func chooseSetting(_ context.Context, _ *Turn, input string) (string, error) {
	switch input {
	case "1":
		return "pin", nil
	case "2":
		return "language", nil
	default:
		return "", again("choose")
	}
}

// issuedPIN: whoever has a PIN that somebody else chose changes it before anything else. The steps are changePIN's.
func issuedPIN(name string, purpose policy.Purpose) Flow {
	issued := changePIN()
	issued.Name, issued.Purpose = name, purpose
	issued.Screens["old"] = Screen{Kind: Choose, Text: "issued_pin.old", Read: readOldPIN}
	issued.Screens["changed"] = Screen{Kind: Result, Text: "issued_pin.changed"}
	return issued
}

// firstPIN: a customer whom somebody else registered proves who they are, then sets a PIN.
func firstPIN() Flow { return provenPIN("first_pin") }

// resetPIN: a customer who has forgotten the PIN, and for whom support has opened a reset, does the same.
func resetPIN() Flow { return provenPIN("reset_pin") }

func provenPIN(name string) Flow {
	return Flow{
		Name: name, Purpose: policy.CustomerAccountView,
		Starts: []string{"birth_year"},
		Events: append(steps("birth_year", "last_four", "new", "again", "set"), startAgain),
		Screens: map[string]Screen{
			"birth_year": {Kind: Input, Text: name + ".birth_year", Read: readBirthYear},
			"last_four":  {Kind: Input, Text: name + ".last_four", Read: readLastFour},
			"new":        {Kind: Choose, Text: name + ".new", Read: readNewPIN},
			"again":      {Kind: Choose, Text: name + ".again", Read: readPINAgain(setFirstPIN)},
			"set":        {Kind: Result, Text: name + ".set"},
		},
	}
}

func readBirthYear(_ context.Context, t *Turn, input string) (string, error) {
	if !digits(input, yearDigits, yearDigits) {
		return "", again("year")
	}
	t.Keep(birthYear, input)
	return next, nil
}

const (
	yearDigits = 4
	lastOfID   = 4
)

func readLastFour(ctx context.Context, t *Turn, input string) (string, error) {
	if len(input) != lastOfID {
		return "", again("last_four")
	}
	year, err := strconv.Atoi(t.Value(birthYear))
	if err != nil {
		return "", err
	}
	if err := t.Services().Customers.ConfirmIdentity(ctx, t.Key(), t.Me(), year, input); err != nil {
		return "", wrongAnswers(err)
	}
	t.KeepKey(proved)
	return next, nil
}

func setFirstPIN(ctx context.Context, t *Turn, pin secret.Text) error {
	return pinWaits(t.Services().Customers.SetFirstPIN(ctx, t.Key(), t.Me(), t.EarlierKey(proved), pin))
}

// readNewPIN takes a PIN for the first time and refuses a weak one before it is asked again.
func readNewPIN(ctx context.Context, t *Turn, input string) (string, error) {
	pin, err := readPIN(input)
	if err != nil {
		return "", err
	}
	year, err := strconv.Atoi(t.Value(birthYear))
	if err != nil {
		year = 0 // not known here: the check does without it
	}
	if err := t.Services().Identity.CheckNew(ctx, t.subject(), pin, year); err != nil {
		return "", pinReason(err)
	}
	t.Keep(pending, t.Services().Identity.Pending(pin))
	return next, nil
}

// pinReason words why a new PIN won't do.
func pinReason(err error) error {
	if !fault.Is(err, fault.ValidationError) {
		return err
	}
	switch fault.From(err).Fields["pin"] {
	case identity.PINInUse:
		return again("pin_used")
	case identity.PINUsedBefore:
		return again("pin_before")
	}
	return again("pin_weak")
}

// readPINAgain takes the PIN a second time and sets it; another PIN leads back to the first time.
func readPINAgain(set func(context.Context, *Turn, secret.Text) error) Reader {
	return func(ctx context.Context, t *Turn, input string) (string, error) {
		pin, err := readPIN(input)
		if err != nil {
			return "", err
		}
		if !t.Services().Identity.MatchesPending(t.Value(pending), pin) {
			t.Note("reason.pin_differs")
			return startAgain.Name, nil
		}
		return next, set(ctx, t, pin)
	}
}

// register: language, first name, last name, date of birth, ID number, PIN, PIN again.
func register() Flow {
	return Flow{
		Name: "register", Purpose: policy.CustomerAccountView,
		Starts: []string{"language"},
		Events: append(steps("language", "first_name", "last_name", "birth_date", "id_number", "new", "again", "registered"),
			startAgain),
		Screens: map[string]Screen{
			"language":   {Kind: Choice, Text: "register.language", Read: readFirstLanguage, Choices: []string{languagesOffered}},
			"first_name": {Kind: Input, Text: "register.first_name", Read: readName("first_name")},
			"last_name":  {Kind: Input, Text: "register.last_name", Read: readName("last_name")},
			"birth_date": {Kind: Input, Text: "register.birth_date", Read: readBirthDate},
			"id_number":  {Kind: Input, Text: "register.id_number", Read: readIDNumber},
			"new":        {Kind: Choose, Text: "register.new", Read: readNewPIN},
			"again":      {Kind: Choose, Text: "register.again", Read: readPINAgain(registerMe)},
			"registered": {Kind: Result, Text: "register.registered"},
		},
	}
}

func readFirstLanguage(_ context.Context, t *Turn, input string) (string, error) {
	return next, t.takeLanguage(input)
}

// readName takes a first or last name; the screen and the value share its word.
func readName(which string) Reader {
	return func(_ context.Context, t *Turn, input string) (string, error) {
		name, err := customers.ParseName(input)
		if err != nil {
			return "", again("name")
		}
		t.Keep(which, name)
		return next, nil
	}
}

func readBirthDate(_ context.Context, t *Turn, input string) (string, error) {
	date, err := customers.ParseBirthDate(input, clock.DayOf(t.Now(), t.e.o.Location))
	if err != nil {
		return "", again("birth_date")
	}
	t.Keep("birth_date", string(date))
	t.Keep(birthYear, strconv.Itoa(date.Year()))
	return next, nil
}

func readIDNumber(_ context.Context, t *Turn, input string) (string, error) {
	number, err := customers.ParseIDNumber(input)
	if err != nil {
		return "", again("id_number")
	}
	t.Keep("id_number", number)
	return next, nil
}

func registerMe(ctx context.Context, t *Turn, pin secret.Text) error {
	person := t.person()
	person.MSISDN, person.PIN = t.dial.Caller, pin
	_, err := t.Services().Customers.Register(ctx, person)
	return err
}

// person is who the screens of a registration described.
func (t *Turn) person() customers.Registration {
	return customers.Registration{
		Key: t.Key(), FirstName: t.Value("first_name"), LastName: t.Value("last_name"),
		BirthDate: clock.Day(t.Value("birth_date")), IDNumber: t.Value("id_number"), Language: t.Language(),
		Channel: transactions.USSD,
	}
}
