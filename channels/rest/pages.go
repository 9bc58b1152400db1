package rest

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"nova/core/fault"
	"nova/core/secret"
)

// PageInput is what every list takes.
type PageInput struct {
	PageSize  int    `query:"page_size" doc:"How many at most" default:"50" minimum:"1" maximum:"100"`
	PageToken string `query:"page_token" doc:"next_page_token of the page before, with the same filters" maxLength:"128"`
}

// Page is what every list answers beside its data.
type Page struct {
	Object        string `json:"object" enum:"list" example:"list"`
	HasMore       bool   `json:"has_more" example:"false"`
	NextPageToken string `json:"next_page_token,omitempty" doc:"Ask for the next page with it"`
}

const listObject = "list"

const (
	// pageLabel keeps this use of the key apart from others.
	pageLabel = "page token"
	// A token is the key's version (4 bytes), the position (8) and half of the MAC (16): nobody guesses 128 bits, and
	// what a guess would win is another page of the same list.
	tokenHead = 12
	tokenMAC  = 16
)

// pageQuery binds page tokens to one list with its filters, so that a token can't be carried to another.
type pageQuery struct {
	mac   *secret.MAC
	parts [][]byte
}

func (a *api) pageQuery(parts ...string) pageQuery {
	q := pageQuery{mac: a.Pages, parts: [][]byte{[]byte(pageLabel)}}
	for _, part := range parts {
		q.parts = append(q.parts, []byte(part))
	}
	return q
}

// token is the opaque form of a position.
func (q pageQuery) token(position int64) (string, error) {
	head := make([]byte, tokenHead, tokenHead+tokenMAC)
	version := q.mac.Current()
	binary.BigEndian.PutUint32(head, uint32(version))
	binary.BigEndian.PutUint64(head[4:], uint64(position))
	sum, err := q.sum(version, head)
	if err != nil {
		return "", fmt.Errorf("sign page token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(append(head, sum...)), nil
}

// position is where a token goes on; 0, the beginning, for no token. A token that was not made for this list with
// these filters is a VALIDATION_ERROR.
func (q pageQuery) position(token string) (int64, error) {
	if token == "" {
		return 0, nil
	}
	refused := fault.New(fault.ValidationError, "page token refused").Field("page_token", "was not given for this list")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenHead+tokenMAC {
		return 0, refused
	}
	want, err := q.sum(int(binary.BigEndian.Uint32(raw)), raw[:tokenHead])
	if err != nil || subtle.ConstantTimeCompare(want, raw[tokenHead:]) != 1 {
		return 0, refused
	}
	return int64(binary.BigEndian.Uint64(raw[4:])), nil
}

func (q pageQuery) sum(version int, head []byte) ([]byte, error) {
	sum, err := q.mac.Sum(version, append(q.parts[:len(q.parts):len(q.parts)], head)...)
	return sum[:tokenMAC], err
}
