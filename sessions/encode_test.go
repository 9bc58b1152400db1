package sessions_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/sessions"
)

func TestAnySessionComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		want := &sessions.Session{
			Flow:   text.Draw(t, "flow"),
			Screen: text.Draw(t, "screen"),
			Stack:  rapid.SliceOfN(text, 1, sessions.MaxStack).Draw(t, "stack"),
			Values: rapid.MapOfN(text, text, 1, sessions.MaxValues).Draw(t, "values"),
			Hop:    rapid.Int().Draw(t, "hop"),
			Read:   rapid.Int().Draw(t, "read"),
			Reply:  sessions.Reply{Text: text.Draw(t, "reply"), End: rapid.Bool().Draw(t, "end")},
			Began:  began,
		}
		got, err := sessions.DecodeSession(sessions.EncodeSession(want))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))
	})
}

func TestRecordsOfAnotherRelease(t *testing.T) {
	plain := sessions.EncodeSession(atPIN())

	t.Run("a field not known here is skipped", func(t *testing.T) {
		got, err := sessions.DecodeSession(append(plain, 200, 3, 'n', 'e', 'w'))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(atPIN(), got))
	})
	t.Run("a format not known here is refused", func(t *testing.T) {
		other := append([]byte{99}, plain[1:]...)
		_, err := sessions.DecodeSession(other)
		require.Error(t, err)
	})
}

func TestMalformedRecords(t *testing.T) {
	for name, plain := range map[string]string{
		"nothing":                  "",
		"tag without a length":     "\x01\x07",
		"length beyond the end":    "\x01\x07\x05abcd",
		"length that overflows":    "\x01\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
		"length that never ends":   "\x01\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"number without a content": "\x01\x0b\x00",
		"number with more behind":  "\x01\x0b\x02\x02\x02",
		"id of 15 bytes":           "\x01\x01\x0f012345678901234",
		"id of 17 bytes":           "\x01\x01\x1101234567890123456",
		"value without a name":     "\x01\x0a\x00",
		"name longer than content": "\x01\x0a\x02\x05a",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sessions.DecodeSession([]byte(plain))
			require.Error(t, err)
		})
	}
}

// FuzzRecord: whatever is unsealed, decoding ends in a record or an error, within the
// limits, and a record that was decoded survives being written again.
func FuzzRecord(f *testing.F) {
	f.Add(sessions.EncodeSession(atPIN()))
	f.Add(sessions.EncodeResume(unfinished()))
	f.Add([]byte{1, 9, 0, 9, 0, 10, 1, 0, 11, 1, 1})
	f.Fuzz(func(t *testing.T, plain []byte) {
		if s, err := sessions.DecodeSession(plain); err == nil {
			require.LessOrEqual(t, len(s.Values), sessions.MaxValues)
			require.LessOrEqual(t, len(s.Stack), sessions.MaxStack)
			again, err := sessions.DecodeSession(sessions.EncodeSession(s))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(s, again))
		}
		if r, err := sessions.DecodeResume(plain); err == nil {
			again, err := sessions.DecodeResume(sessions.EncodeResume(r))
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(r, again))
		}
	})
}
