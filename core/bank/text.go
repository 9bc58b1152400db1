package bank

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"nova/core/fault"
)

// How long texts of clients may be, in characters. They are kept for ever, with every posting.
const (
	MaxOwnerID   = 64
	MaxName      = 100
	MaxNarration = 140
	MaxReference = 64
	MaxReason    = 140
)

// How much metadata an account or a posting may have.
const (
	MaxMetadata      = 16
	MaxMetadataKey   = 40
	MaxMetadataValue = 200
)

// text is a client's text in a field of the contract, with its bounds in characters.
type text struct {
	field, value string
	least, most  int
}

// checkTexts refuses the first text that is too short or too long, or that holds what no statement can show: control
// characters, line ends included, and what is not UTF-8. PostgreSQL itself could not keep a NUL.
func checkTexts(texts ...text) error {
	for _, t := range texts {
		if problem := t.problem(); problem != "" {
			return fault.New(fault.ValidationError, "text of %d bytes", len(t.value)).Field(t.field, problem)
		}
	}
	return nil
}

func (t text) problem() string {
	length := utf8.RuneCountInString(t.value)
	switch {
	case !utf8.ValidString(t.value):
		return "is not UTF-8"
	case length < t.least:
		return "is required"
	case length > t.most:
		return fmt.Sprintf("is longer than %d characters", t.most)
	}
	for _, r := range t.value {
		if unicode.IsControl(r) {
			return "has a control character"
		}
	}
	return ""
}

func checkMetadata(metadata map[string]string) error {
	if len(metadata) > MaxMetadata {
		return fault.New(fault.ValidationError, "%d keys", len(metadata)).
			Field("metadata", fmt.Sprintf("has more than %d keys", MaxMetadata))
	}
	for key, value := range metadata {
		if (text{value: key, least: 1, most: MaxMetadataKey}).problem() != "" {
			return fault.New(fault.ValidationError, "key of %d bytes", len(key)).
				Field("metadata", fmt.Sprintf("has a key that is not 1 to %d plain characters", MaxMetadataKey))
		}
		if (text{value: value, most: MaxMetadataValue}).problem() != "" {
			return fault.New(fault.ValidationError, "value of %d bytes", len(value)).
				Field("metadata", fmt.Sprintf("has a value that is not up to %d plain characters", MaxMetadataValue))
		}
	}
	return nil
}
