package ussd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nova/menus"
)

// maxAhead bounds the inputs of one dial. Handsets dial some 40 characters at most.
const maxAhead = 20

// code is a short code without its first star and last hash: "384*70421".
type code struct {
	digits string
	root   menus.Root
}

// compileCodes sorts the codes, longest first: *384*70421# is tried before *384#.
func compileCodes(table map[string]menus.Root) ([]code, error) {
	if len(table) == 0 {
		return nil, errors.New("no short codes")
	}
	codes := make([]code, 0, len(table))
	for dialled, root := range table {
		digits := bare(dialled)
		if digits == "" || strings.Trim(digits, "0123456789*#") != "" || root == "" {
			return nil, fmt.Errorf("short code %q: give one such as *123# and its home", dialled)
		}
		codes = append(codes, code{digits: digits, root: root})
	}
	slices.SortFunc(codes, func(a, b code) int {
		return cmp.Or(cmp.Compare(len(b.digits), len(a.digits)), cmp.Compare(a.digits, b.digits))
	})
	for i := 1; i < len(codes); i++ {
		if codes[i].digits == codes[i-1].digits {
			return nil, fmt.Errorf("short code *%s# stands twice", codes[i].digits)
		}
	}
	return codes, nil
}

// bare takes off the star in front and the hash behind, which gateways send or not.
func bare(dialled string) string {
	dialled = strings.TrimSpace(dialled)
	dialled = strings.TrimPrefix(dialled, "*")
	return strings.TrimSuffix(dialled, "#")
}

// resolve finds the home that a begin dialled, and the inputs dialled ahead: what lies
// beyond the longest configured code, then what the begin's own text holds.
func (t *terms) resolve(req *Request) (root menus.Root, ahead []string, ok bool) {
	dialled := req.Dialled
	if dialled == "" {
		dialled = req.ShortCode
	}
	digits := bare(dialled)
	for _, c := range t.codes {
		rest, found := strings.CutPrefix(digits, c.digits)
		if !found || rest != "" && rest[0] != '*' {
			continue
		}
		if rest != "" {
			ahead = strings.Split(rest[1:], "*")
		}
		if req.Input != "" {
			ahead = append(ahead, strings.Split(req.Input, "*")...)
		}
		if req.Root != "" {
			return req.Root, ahead, true
		}
		return c.root, ahead, true
	}
	return "", nil, false
}
