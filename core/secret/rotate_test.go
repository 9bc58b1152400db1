package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/secret"
)

func loaded(t *testing.T, dir string) *secret.Keyring {
	t.Helper()
	k, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	return k
}

func TestEveryKeyOfAKeyringRotates(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, secret.GenerateKeyring(dir))
	before := loaded(t, dir)
	sealed, err := before.Field.Seal([]byte("x"), "place")
	require.NoError(t, err)
	hash, err := before.PINPepper.Sum(1, []byte("x"))
	require.NoError(t, err)
	for _, name := range secret.KeyNames() {
		require.NoError(t, secret.AddKey(dir, name, true), name)
		info, err := os.Stat(filepath.Join(dir, name+".json"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	after := loaded(t, dir)
	plain, err := after.Field.Open(sealed, "place")
	require.NoError(t, err, "the old key stays")
	require.Equal(t, "x", string(plain))
	again, err := after.PINPepper.Sum(1, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, hash, again)
	require.Equal(t, 2, after.PINPepper.Current())
	was, err := before.Field.Current()
	require.NoError(t, err)
	is, err := after.Field.Current()
	require.NoError(t, err)
	require.NotEqual(t, was, is)
}

// Of several nodes each knows a staged key before one of them uses it.
func TestAStagedKeyIsKnownBeforeItIsUsed(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, secret.GenerateKeyring(dir))
	for _, name := range []string{"pin_kek", "pin_pepper"} {
		require.NoError(t, secret.AddKey(dir, name, false))
	}
	staged := loaded(t, dir)
	require.Equal(t, 1, staged.PINPepper.Current())
	for _, name := range []string{"pin_kek", "pin_pepper"} {
		require.NoError(t, secret.AddKey(dir, name, true))
	}
	inUse := loaded(t, dir)
	require.Equal(t, 2, inUse.PINPepper.Current())
	sealed, err := inUse.PINKek.Seal([]byte("x"), "place")
	require.NoError(t, err)
	_, err = staged.PINKek.Open(sealed, "place")
	require.NoError(t, err, "a node that was started with the staged key opens what the new one seals")
	want, err := inUse.PINPepper.Sum(2, []byte("x"))
	require.NoError(t, err)
	got, err := staged.PINPepper.Sum(2, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestARotationThatCannotBeLeavesTheFile(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, secret.GenerateKeyring(dir))
	path := filepath.Join(dir, "pin_kek.json")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.ErrorContains(t, secret.AddKey(dir, "nothing", true), "pin_kek")
	require.NoError(t, os.WriteFile(path+".rotating", nil, 0o600))
	require.ErrorContains(t, secret.AddKey(dir, "pin_kek", true), "another rotation")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoError(t, os.WriteFile(path, []byte(`{"secret":"hunter2"}`), 0o600))
	err = secret.AddKey(dir, "pin_kek", true)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	require.ErrorIs(t, secret.AddKey(t.TempDir(), "pin_kek", true), os.ErrNotExist)
}

func TestRotationsAtOnceLoseNoKey(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, secret.GenerateKeyring(dir))
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() { errs[i] = secret.AddKey(dir, "pin_pepper", true) })
	}
	group.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		require.ErrorContains(t, err, "another rotation")
	}
	require.Equal(t, 1+made, loaded(t, dir).PINPepper.Current())
	left, err := filepath.Glob(filepath.Join(dir, "*.rotating"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestTheNewestSigningKeySigns(t *testing.T) {
	dir := t.TempDir()
	require.Error(t, secret.AddSigningKey(dir, "token_signer"))
	require.NoError(t, secret.GenerateSigner(dir, "token_signer"))
	old, err := secret.LoadSigner(dir, "token_signer")
	require.NoError(t, err)
	oldID, _ := old.Current()
	for range 2 {
		require.NoError(t, secret.AddSigningKey(dir, "token_signer"))
	}
	s, err := secret.LoadSigner(dir, "token_signer")
	require.NoError(t, err)
	id, _ := s.Current()
	require.NotEqual(t, oldID, id)
	require.Len(t, s.KeyIDs(), 3)
	_, known := s.Public(oldID)
	require.True(t, known)
	paths, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(paths[1], "token_signer_0002.pem"), "%v", paths)
}
