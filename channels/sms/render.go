package sms

import (
	"fmt"
	"maps"
	"strings"

	"nova/core/fault"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/menus/gsm7"
)

// Renderer words a template in a language; menus' language packs are one.
type Renderer interface {
	Text(language, key string, args map[string]string) (string, error)
}

const (
	// maxSeptets is three parts of a concatenated SMS (3GPP TS 23.040, 9.2.3.24.1: 153 septets a part).
	maxSeptets = 3 * 153
	// numberArgs end the names of arguments that hold a phone number's digits.
	numberArgs = "_number"
)

// render is the notice's text, folded to the GSM alphabet. A notice that can't be worded will not be worded better
// later: VALIDATION_ERROR. No error quotes an argument.
func (w *Worker) render(n outbox.Notice) (string, error) {
	args, err := w.args(n)
	if err != nil {
		return "", err
	}
	text, err := w.o.Renderer.Text(n.Language, n.Template, args)
	if err != nil {
		return "", fault.Wrap(err, fault.ValidationError, "template %s in %s", n.Template, n.Language)
	}
	text = gsm7.Fold(text)
	septets, ok := gsm7.Septets(text)
	if !ok || septets == 0 || septets > maxSeptets {
		return "", fault.New(fault.ValidationError, "template %s in %s makes %d septets", n.Template, n.Language, septets)
	}
	return text, nil
}

// args are the notice's arguments with the sealed one opened and numbers in local form.
func (w *Worker) args(n outbox.Notice) (map[string]string, error) {
	args := make(map[string]string, len(n.Args)+1)
	for name, value := range n.Args {
		if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
			// The ledger's writer fills these; one that is left would be read by a customer.
			return nil, fault.New(fault.ValidationError, "argument %s of %s was never filled", name, n.Template)
		}
		if strings.HasSuffix(name, numberArgs) {
			value = w.localForm(value)
		}
		args[name] = value
	}
	opened, err := w.unseal(n)
	if err != nil {
		return nil, err
	}
	maps.Copy(args, opened)
	return args, nil
}

// localForm is how people of the market write a number; what is no number stays as it is.
func (w *Worker) localForm(digits string) string {
	number, err := msisdn.FromNetwork(digits)
	if err != nil {
		return digits
	}
	return number.Local(w.o.Region)
}

func (w *Worker) unseal(n outbox.Notice) (map[string]string, error) {
	if len(n.Sealed) == 0 {
		return nil, nil
	}
	if w.o.Unseal == nil {
		return nil, fault.New(fault.ValidationError, "%s has a sealed argument and nothing opens it", n.Template)
	}
	opened, err := w.o.Unseal(n)
	if err != nil {
		return nil, fmt.Errorf("open the sealed argument of %s: %w", n.Template, err)
	}
	return opened, nil
}
