package secret_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/secret"
)

const pin = "480159"

// holder keeps a secret where printers reach it without asking its methods.
type holder struct {
	PIN    secret.Text
	hidden secret.Text
	Next   *holder
}

func TestNoPrinterShowsASecret(t *testing.T) {
	text := secret.New(pin)
	nested := holder{PIN: text, hidden: text, Next: &holder{hidden: text}}
	var shown []string
	for _, verb := range strings.Split("v +v #v s q d x X o b c e t p U 20s -20v 05d T", " ") {
		for _, value := range []any{text, &text, nested, &nested, []secret.Text{text}, map[string]secret.Text{"pin": text}} {
			shown = append(shown, fmt.Sprintf("%"+verb, value))
		}
	}
	for _, value := range []any{text, nested, map[string]secret.Text{"pin": text}} {
		out, err := json.Marshal(value)
		require.NoError(t, err)
		shown = append(shown, string(out))
	}
	out, err := xml.Marshal(nested)
	require.NoError(t, err)
	shown = append(shown, string(out), text.String(), text.GoString(), fmt.Sprintln(text, nested))

	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).Info("hop", "pin", text, "nested", nested, "list", []secret.Text{text})
	}
	shown = append(shown, log.String())

	for _, line := range shown {
		require.NotContains(t, line, pin)
		require.NotContains(t, strings.ToLower(line), hex.EncodeToString([]byte(pin)))
	}
	require.Equal(t, "[secret]", fmt.Sprintf("%x", text))
	require.Equal(t, "[secret]", secret.Text{}.String(), "whether there is one is not told")
}

// A failing test prints what it compared, into a log that others read.
func TestNoComparisonShowsASecret(t *testing.T) {
	spy := &recorder{}
	require.Equal(spy, holder{hidden: secret.New(pin)}, holder{hidden: secret.New("1357")})
	spy.text += cmp.Diff(secret.New(pin), secret.New("1357"))
	require.NotEmpty(t, spy.text)
	require.NotContains(t, spy.text, pin)
}

// recorder keeps what a failing assertion says.
type recorder struct{ text string }

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }
func (r *recorder) FailNow()                          {}

func TestRevealGivesTheSecret(t *testing.T) {
	require.Equal(t, pin, secret.New(pin).Reveal())
	require.Empty(t, secret.Text{}.Reveal())
	require.True(t, secret.Text{}.IsZero())
	require.True(t, secret.New("").IsZero())
	require.False(t, secret.New(pin).IsZero())
}

func TestEqual(t *testing.T) {
	require.True(t, secret.New(pin).Equal(secret.New(pin)))
	require.True(t, secret.Text{}.Equal(secret.New("")))
	for _, other := range []string{"", "480158", "48015", "4801590"} {
		require.False(t, secret.New(pin).Equal(secret.New(other)), "%d characters", len(other))
	}
}

func TestABodyDecodesIntoASecret(t *testing.T) {
	var body struct {
		PIN secret.Text `json:"pin"`
	}
	require.NoError(t, json.Unmarshal([]byte(`{"pin":"480159"}`), &body))
	require.Equal(t, pin, body.PIN.Reveal())
	require.Error(t, json.Unmarshal([]byte(`{"pin":480159}`), &body), "a number has lost its zeros")
}

func TestSealedDataOpensOnlyInItsPlace(t *testing.T) {
	keys, others := secret.EphemeralKeyring(), secret.EphemeralKeyring()
	rapid.Check(t, func(r *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(r, "plain")
		aad := rapid.String().Draw(r, "aad")
		sealed, err := keys.Field.Seal(plain, aad)
		require.NoError(r, err)
		require.Len(r, sealed, len(plain)+33)

		back, err := keys.Field.Open(sealed, aad)
		require.NoError(r, err)
		require.True(r, bytes.Equal(plain, back))

		refusals := map[string]func() ([]byte, error){
			"another place":   func() ([]byte, error) { return keys.Field.Open(sealed, aad+"x") },
			"another box":     func() ([]byte, error) { return keys.Session.Open(sealed, aad) },
			"another keyring": func() ([]byte, error) { return others.Field.Open(sealed, aad) },
			"cut off":         func() ([]byte, error) { return keys.Field.Open(sealed[:len(sealed)-1], aad) },
			"a bit turned": func() ([]byte, error) {
				turned := bytes.Clone(sealed)
				turned[rapid.IntRange(0, len(sealed)-1).Draw(r, "at")] ^= 1
				return keys.Field.Open(turned, aad)
			},
		}
		for name, open := range refusals {
			got, err := open()
			require.Error(r, err, name)
			require.Nil(r, got, name)
		}
	})
}

func TestSealingTwiceShowsNoEquality(t *testing.T) {
	box := secret.EphemeralKeyring().Field
	a, err := box.Seal([]byte(pin), "x")
	require.NoError(t, err)
	b, err := box.Seal([]byte(pin), "x")
	require.NoError(t, err)
	require.NotEqual(t, a, b)
}

func TestSealedDataNamesItsKey(t *testing.T) {
	box := secret.EphemeralKeyring().PINKek
	sealed, err := box.Seal([]byte(pin), "x")
	require.NoError(t, err)
	current, err := box.Current()
	require.NoError(t, err)
	by, ok := secret.SealedBy(sealed)
	require.True(t, ok)
	require.Equal(t, current, by)

	for _, foreign := range [][]byte{nil, []byte("abc"), []byte("not sealed")} {
		_, ok := secret.SealedBy(foreign)
		require.False(t, ok)
	}
}

func FuzzOpen(f *testing.F) {
	box := secret.EphemeralKeyring().Field
	good, err := box.Seal([]byte(pin), "place")
	require.NoError(f, err)
	f.Add(good[:len(good)-1])
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		_, _ = secret.SealedBy(sealed) // must not panic
		if _, err := box.Open(sealed, "place"); err == nil && !bytes.Equal(sealed, good) {
			t.Errorf("%x opened", sealed)
		}
	})
}

func TestKeyedHashes(t *testing.T) {
	keys, others := secret.EphemeralKeyring(), secret.EphemeralKeyring()
	sum := func(m *secret.MAC, parts ...string) [32]byte {
		list := make([][]byte, len(parts))
		for i, part := range parts {
			list[i] = []byte(part)
		}
		hash, err := m.Sum(m.Current(), list...)
		require.NoError(t, err)
		return hash
	}
	base := sum(keys.Index, "ab", "c")
	require.Equal(t, base, sum(keys.Index, "ab", "c"), "the same parts give the same hash")
	different := map[string][32]byte{
		"parts that run together alike": sum(keys.Index, "a", "bc"),
		"one part":                      sum(keys.Index, "abc"),
		"an empty part more":            sum(keys.Index, "ab", "c", ""),
		"another order":                 sum(keys.Index, "c", "ab"),
		"no parts":                      sum(keys.Index),
		"another purpose":               sum(keys.Body, "ab", "c"),
		"another keyring":               sum(others.Index, "ab", "c"),
	}
	for name, hash := range different {
		require.NotEqual(t, base, hash, name)
	}
	_, err := keys.Index.Sum(keys.Index.Current()+1, []byte("ab"))
	require.Error(t, err, "a version that there is no key of")
}
