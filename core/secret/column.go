package secret

import (
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
)

// Column is a column of PostgreSQL whose values stand sealed: name_sealed holds the value, name_index a keyed hash of it
// by which a row is found, and name_index_key which key made that. What is sealed is bound to table, column and row, so
// that a value copied into another row does not open.
type Column struct {
	Table, Name string
}

// Sealed is one value of a Column as its row holds it. The zero value is no value.
//
// Index is a whole HMAC and not a shortened one: it decides whether a person is told that their document is somebody
// else's, and two documents must never share it.
type Sealed struct {
	Box     []byte `db:"sealed"`
	Index   []byte `db:"index"`
	Version *int   `db:"index_key"`
}

// Seal makes a row's value under the current keys; "" is no value.
func (c Column) Seal(k *Keyring, row uuid.UUID, plain string) (Sealed, error) {
	if plain == "" {
		return Sealed{}, nil
	}
	box, err := k.Field.Seal([]byte(plain), c.aad(row))
	if err != nil {
		return Sealed{}, fmt.Errorf("column %s: %w", c.label(), err)
	}
	version := k.Index.Current()
	index, err := c.index(k, version, plain)
	return Sealed{Box: box, Index: index, Version: &version}, err
}

// Open is the value that Seal was given; no value is the zero Text.
func (c Column) Open(k *Keyring, row uuid.UUID, s Sealed) (Text, error) {
	if len(s.Box) == 0 {
		return Text{}, nil
	}
	plain, err := k.Field.Open(s.Box, c.aad(row))
	if err != nil {
		return Text{}, fmt.Errorf("column %s of %s: %w", c.label(), row, err)
	}
	return New(string(plain)), nil
}

// Indexes are the index of a value under every key there is: while keys rotate, rows stand under either. None for "".
func (c Column) Indexes(k *Keyring, plain string) ([][]byte, error) {
	if plain == "" {
		return nil, nil
	}
	var all [][]byte
	for _, version := range k.Index.Versions() {
		index, err := c.index(k, version, plain)
		if err != nil {
			return nil, err
		}
		all = append(all, index)
	}
	return all, nil
}

func (c Column) index(k *Keyring, version int, plain string) ([]byte, error) {
	sum, err := k.Index.Sum(version, []byte(c.label()), []byte(plain))
	if err != nil {
		return nil, fmt.Errorf("index of %s: %w", c.label(), err)
	}
	return sum[:], nil
}

func (c Column) label() string { return c.Table + "|" + c.Name }

func (c Column) aad(row uuid.UUID) string { return c.Table + "|" + c.Name + "_sealed|" + row.String() }

// SealedByCurrent is how everything begins that the box seals now: rows that begin otherwise wait for re-sealing.
func (b *Box) SealedByCurrent() ([]byte, error) {
	key, err := b.Current()
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint32([]byte{tinkPrefix}, key), nil
}
