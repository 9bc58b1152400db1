package secret_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/secret"
)

// files are a keyring's; an operator mounts them by these names.
var files = []string{
	"session.json", "field.json", "pin_kek.json", "pin_pepper.json", "index.json", "body.json", "caller.json",
}

func generated(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, secret.GenerateKeyring(dir))
	return dir
}

func write(t *testing.T, dir, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
}

func TestGeneratedKeysAreTheOwnersAlone(t *testing.T) {
	dir := generated(t)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), entry.Name())
		names = append(names, entry.Name())
	}
	require.ElementsMatch(t, files, names, "no draft is left behind")
}

func TestLoadedKeysOpenWhatTheySealedBefore(t *testing.T) {
	dir := generated(t)
	before, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	sealed, err := before.Session.Seal([]byte("hop 3"), "s1")
	require.NoError(t, err)
	hash, err := before.Caller.Sum(before.Caller.Current(), []byte("x"))
	require.NoError(t, err)

	require.NoError(t, secret.GenerateKeyring(dir), "what is there stays")
	after, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	plain, err := after.Session.Open(sealed, "s1")
	require.NoError(t, err)
	require.Equal(t, "hop 3", string(plain))
	again, err := after.Caller.Sum(1, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, hash, again)
}

func TestGeneratingMakesOnlyWhatIsMissing(t *testing.T) {
	dir := generated(t)
	kept, err := os.ReadFile(filepath.Join(dir, "field.json"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "body.json")))
	require.NoError(t, secret.GenerateKeyring(dir))
	now, err := os.ReadFile(filepath.Join(dir, "field.json"))
	require.NoError(t, err)
	require.Equal(t, kept, now)
	_, err = secret.LoadKeyring(dir)
	require.NoError(t, err)
}

func TestProcessesThatStartAtOnceAgreeOnTheKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	const starters = 8
	rings := make([]*secret.Keyring, starters)
	errs := make([]error, starters)
	var group sync.WaitGroup
	for i := range starters {
		group.Go(func() {
			if errs[i] = secret.GenerateKeyring(dir); errs[i] == nil {
				rings[i], errs[i] = secret.LoadKeyring(dir)
			}
		})
	}
	group.Wait()
	for i := range starters {
		require.NoError(t, errs[i])
	}
	sealed, err := rings[0].Field.Seal([]byte("x"), "")
	require.NoError(t, err)
	for _, ring := range rings {
		_, err := ring.Field.Open(sealed, "")
		require.NoError(t, err)
	}
}

func TestLoadNamesEveryFaultAtOnce(t *testing.T) {
	dir := generated(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "session.json")))
	require.NoError(t, os.Chmod(filepath.Join(dir, "field.json"), 0o640))
	require.NoError(t, os.Chmod(filepath.Join(dir, "pin_kek.json"), 0o604))
	write(t, dir, "index.json", "not JSON")
	require.NoError(t, os.Remove(filepath.Join(dir, "caller.json")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "caller.json"), 0o700))

	keys, err := secret.LoadKeyring(dir)

	require.Nil(t, keys)
	for _, fault := range []string{
		"session.json: stat", "field.json: mode 0640", "pin_kek.json: mode 0604", "index.json: not JSON",
		"caller.json: is not a file", "chmod 0600",
	} {
		require.ErrorContains(t, err, fault)
	}
	require.NotContains(t, err.Error(), "body.json", "what is right is not named")
}

func TestMalformedKeysAreRefused(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	cases := []struct{ name, file, text, want string }{
		{"no current key", "index.json", `{"current":2,"keys":{"1":"` + key + `"}}`, "no key of the current version 2"},
		{"no keys", "index.json", `{"current":1,"keys":{}}`, "no key of the current version 1"},
		{"a short key", "index.json", `{"current":1,"keys":{"1":"` + short + `"}}`, "key 1: versions count from 1 and keys have 32 bytes"},
		{"a version zero", "index.json", `{"current":0,"keys":{"0":"` + key + `"}}`, "versions count from 1"},
		{"an unknown field", "index.json", `{"current":1,"keys":{"1":"` + key + `"},"x":1}`, "not JSON of current and keys"},
		{"empty", "index.json", ``, "not JSON of current and keys"},
		{"no keyset", "field.json", `{"primaryKeyId":1,"key":[]}`, "not a keyset"},
		{"text as keyset", "field.json", `hello`, "not a keyset"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := generated(t)
			write(t, dir, c.file, c.text)
			_, err := secret.LoadKeyring(dir)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), short, "key material is not quoted")
		})
	}
}

func TestAFileTooLargeIsNotRead(t *testing.T) {
	dir := generated(t)
	write(t, dir, "body.json", strings.Repeat(" ", 1<<20+1))
	_, err := secret.LoadKeyring(dir)
	require.ErrorContains(t, err, "body.json: is not a file of at most 1048576 bytes")
}

func TestAHashKeyRotates(t *testing.T) {
	dir := generated(t)
	oldKey, newKey := make([]byte, 32), make([]byte, 32)
	oldKey[0], newKey[0] = 1, 2
	text, err := json.Marshal(map[string]any{"current": 2, "keys": map[int][]byte{1: oldKey, 2: newKey}})
	require.NoError(t, err)
	write(t, dir, "pin_pepper.json", string(text))

	keys, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	require.Equal(t, 2, keys.PINPepper.Current())
	for version, key := range map[int][]byte{1: oldKey, 2: newKey} {
		got, err := keys.PINPepper.Sum(version, []byte("ab"))
		require.NoError(t, err)
		// The definition, so that hashes stored by this version stay comparable.
		hash := hmac.New(sha256.New, key)
		hash.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x02ab"))
		require.Equal(t, hash.Sum(nil), got[:])
	}
}

// keyset is Tink's JSON, as far as a rotation touches it.
type keyset struct {
	PrimaryKeyID uint32            `json:"primaryKeyId"`
	Key          []json.RawMessage `json:"key"`
}

// A box rotates by adding a key: the old one still opens, the new one seals.
func TestABoxRotates(t *testing.T) {
	dir, other := generated(t), generated(t)
	before, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	sealed, err := before.PINKek.Seal([]byte("x"), "row 1")
	require.NoError(t, err)

	read := func(dir string) (k keyset) {
		text, err := os.ReadFile(filepath.Join(dir, "pin_kek.json"))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &k))
		return k
	}
	added := read(other)
	added.Key = append(added.Key, read(dir).Key...)
	text, err := json.Marshal(added)
	require.NoError(t, err)
	write(t, dir, "pin_kek.json", string(text))

	after, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	plain, err := after.PINKek.Open(sealed, "row 1")
	require.NoError(t, err)
	require.Equal(t, "x", string(plain))
	current, err := after.PINKek.Current()
	require.NoError(t, err)
	require.Equal(t, added.PrimaryKeyID, current)
	by, _ := secret.SealedBy(sealed)
	require.NotEqual(t, current, by, "the row says that it waits for re-wrapping")
}

func TestNoPrinterShowsAKey(t *testing.T) {
	dir := generated(t)
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	write(t, dir, "body.json", `{"current":1,"keys":{"1":"`+key+`"}}`)
	keys, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	shown := ""
	for _, value := range []any{keys, *keys, keys.Body, *keys.Body, []*secret.MAC{keys.Body}} {
		shown += fmt.Sprintf("%v %+v %#v %s %x", value, value, value, value, value)
	}
	spy := &recorder{}
	require.Equal(spy, keys, secret.EphemeralKeyring())
	shown += spy.text
	for _, material := range []string{"kkkkkkkk", "107 107 107", "6b6b6b", "6b 6b 6b", "0x6b, 0x6b", key} {
		require.NotContains(t, strings.ToLower(shown), strings.ToLower(material))
	}
}
