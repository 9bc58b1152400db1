package ussd

import (
	"crypto/rand"
	"runtime"
	"strings"

	"nova/core/fault"
)

const (
	// maxInput is the longest USSD string there is (3GPP TS 23.038: 182 septets).
	// What is longer is cut there, which every reader still finds too long.
	maxInput = 182
	// maxLanguage bounds a language tag that a network tells: "sw-KE" and the like.
	maxLanguage = 8
)

// language is what the network tells of the caller's, if it is short enough to be one.
func language(req *Request) string {
	if len(req.Language) > maxLanguage {
		return ""
	}
	return req.Language
}

// clean makes an input safe to read, store and compare: valid UTF-8 without control
// characters or outer blanks, no longer than handsets type.
func clean(input string) string {
	for i := range len(input) {
		if input[i] < ' ' || input[i] >= 0x7f {
			input = printable(input)
			break
		}
	}
	input = strings.TrimSpace(input)
	if len(input) > maxInput {
		input = strings.ToValidUTF8(input[:maxInput], "")
	}
	return input
}

func printable(input string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(input, ""))
}

// broken is the fault of a panic, with the stack for operators. What was typed is cut
// out of the text, as a panic may quote it and it may be a PIN.
func broken(v any, req *Request) error {
	stack := make([]byte, 4<<10)
	stack = stack[:runtime.Stack(stack, false)]
	e := fault.New(fault.InternalServerError, "panic: %v\n%s", v, stack)
	for _, typed := range strings.Split(req.Input, "*") {
		if len(typed) > 2 {
			e.Detail = strings.ReplaceAll(e.Detail, typed, "[input]")
		}
	}
	return e
}

// referenceAlphabet is Crockford's base32: nothing in it is misheard on the telephone.
const referenceAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// reference is what a failure shows and its log line holds: 30 random bits, enough to
// find one line of a day.
func reference() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand
	for i := range b {
		b[i] = referenceAlphabet[b[i]&31]
	}
	return string(b[:])
}
