package secret_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/secret"
)

var (
	documents = secret.Column{Table: "documents", Name: "number"}
	marcia    = uuid.MustParse("01900000-0000-7000-8000-000000000001")
	andre     = uuid.MustParse("01900000-0000-7000-8000-000000000002")
)

// TestAColumnOpensInItsRowAlone: who can write to the database cannot make one person's value another's.
func TestAColumnOpensInItsRowAlone(t *testing.T) {
	k := secret.EphemeralKeyring()
	sealed, err := documents.Seal(k, marcia, "850101-0011")
	require.NoError(t, err)
	again, err := documents.Open(k, marcia, sealed)
	require.NoError(t, err)
	require.Equal(t, "850101-0011", again.Reveal())
	require.NotContains(t, string(sealed.Box)+string(sealed.Index), "0011")

	cut, flipped := sealed, sealed
	cut.Box, flipped.Box = sealed.Box[:len(sealed.Box)-1], slices.Clone(sealed.Box)
	flipped.Box[len(flipped.Box)-1] ^= 1
	for name, row := range map[string]struct {
		column secret.Column
		row    uuid.UUID
		keys   *secret.Keyring
		sealed secret.Sealed
	}{
		"another row":          {documents, andre, k, sealed},
		"another column":       {secret.Column{Table: "documents", Name: "tax_id"}, marcia, k, sealed},
		"another table":        {secret.Column{Table: "businesses", Name: "number"}, marcia, k, sealed},
		"other keys":           {documents, marcia, secret.EphemeralKeyring(), sealed},
		"a byte that is lost":  {documents, marcia, k, cut},
		"a bit that is turned": {documents, marcia, k, flipped},
	} {
		t.Run(name, func(t *testing.T) {
			opened, err := row.column.Open(row.keys, row.row, row.sealed)
			require.Error(t, err)
			require.True(t, opened.IsZero())
			require.NotContains(t, err.Error(), "0011")
		})
	}
}

func TestAnIndexTellsEqualValuesOfOneColumnOnly(t *testing.T) {
	k := secret.EphemeralKeyring()
	index := func(k *secret.Keyring, c secret.Column, plain string) string {
		list, err := c.Indexes(k, plain)
		require.NoError(t, err)
		require.Len(t, list, 1)
		return string(list[0])
	}
	one := index(k, documents, "850101-0011")
	sealed, err := documents.Seal(k, andre, "850101-0011")
	require.NoError(t, err)
	require.Equal(t, one, string(sealed.Index), "in whichever row")
	require.NotEqual(t, one, index(k, documents, "850101-0012"))
	require.NotEqual(t, one, index(k, secret.Column{Table: "documents", Name: "tax_id"}, "850101-0011"))
	require.NotEqual(t, one, index(secret.EphemeralKeyring(), documents, "850101-0011"), "nobody without the key finds it")
}

func TestWhileTheIndexRotatesAValueIsFoundUnderEveryKey(t *testing.T) {
	dir := generated(t)
	before, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	old, err := documents.Seal(before, marcia, "850101-0011")
	require.NoError(t, err)
	require.NoError(t, secret.AddKey(dir, "index", true))
	after, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	fresh, err := documents.Seal(after, marcia, "850101-0011")
	require.NoError(t, err)
	require.NotEqual(t, old.Index, fresh.Index)
	list, err := documents.Indexes(after, "850101-0011")
	require.NoError(t, err)
	require.ElementsMatch(t, [][]byte{old.Index, fresh.Index}, list)
}

func TestNoValueIsSealedAndFoundAsNone(t *testing.T) {
	k := secret.EphemeralKeyring()
	sealed, err := documents.Seal(k, marcia, "")
	require.NoError(t, err)
	require.Zero(t, sealed)
	opened, err := documents.Open(k, marcia, sealed)
	require.NoError(t, err)
	require.True(t, opened.IsZero())
	list, err := documents.Indexes(k, "")
	require.NoError(t, err)
	require.Empty(t, list, "two people without a document do not have the same one")
}
