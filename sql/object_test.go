package sql_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql"
)

func TestAnObjectIsWhatJSONReads(t *testing.T) {
	for _, object := range []map[string]string{
		{}, {"a": "1"}, {"b": "Zoë \"C.\"\n<&>\u2028", "a": "", "c\\": "\x00\x1f"},
	} {
		text, err := sql.AppendObject([]byte("x"), object)
		require.NoError(t, err)
		var read map[string]string
		require.NoError(t, json.Unmarshal(text[1:], &read))
		require.Equal(t, object, read)
	}
	text, err := sql.AppendObject(nil, map[string]string{"b": "2", "a": "1"})
	require.NoError(t, err)
	require.Equal(t, `{"a":"1","b":"2"}`, string(text))
	_, err = sql.AppendObject(nil, map[string]string{"a": "\xff"})
	require.Error(t, err)
}
