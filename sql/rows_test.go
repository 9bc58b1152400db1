package sql_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/sql"
)

func TestRowReader(t *testing.T) {
	id := uuid.MustParse("01900000-0000-7000-8000-00000000f000")
	r := sql.NewRowReader(id.String() + " -7 1500000 - 00ff  two words\n" + id.String() + " x")
	require.True(t, r.Line())
	require.Equal(t, id, r.UUID())
	require.Equal(t, -7, r.Small())
	require.Equal(t, time.UnixMicro(1_500_000).UTC(), r.Time())
	require.Nil(t, r.Optional())
	require.Equal(t, []byte{0, 0xff}, r.Bytes())
	require.Empty(t, r.Word(), "an empty word is a word")
	require.Equal(t, "two words", r.Rest())
	require.True(t, r.Line())
	r.UUID()
	require.Zero(t, r.Number())
	require.Error(t, r.Err())
	r.Next("1")
	require.False(t, r.Line(), "what follows something unexpected is not read")
}
