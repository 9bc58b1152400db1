package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMenusThatWereSavedAreTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "menus.json")
	var saved, out bytes.Buffer
	require.NoError(t, saveMenus(&saved))
	require.NoError(t, os.WriteFile(path, saved.Bytes(), 0o600))
	require.NoError(t, diffMenus(&out, path))
	require.Equal(t, "every digit leads where it did\n", out.String())
}

func TestADigitThatLeadsElsewhereIsABrokenPromise(t *testing.T) {
	before := drawnMenus{
		Menus: map[string]map[string]string{"customer": {"1": "send_money", "2": "withdraw", "3": "pay"}},
		Flows: map[string]map[string]string{"pay": {"till given": "amount"}, "old": {"a b": "c"}},
	}
	now := drawnMenus{
		Menus: map[string]map[string]string{"customer": {"1": "send_money", "2": "pay", "4": "savings"}},
		Flows: map[string]map[string]string{"pay": {"till given": "pin"}},
	}
	lines, broken := before.changes(now)
	require.Equal(t, []string{
		"moved: customer 2 was withdraw, is pay",
		"gone: customer 3 was pay",
		"new: customer 4 is savings",
		"changed: the steps of pay",
	}, lines)
	require.Equal(t, 2, broken)
}

func TestADiffSaysWhatItCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "menus.json")
	require.Error(t, diffMenus(&bytes.Buffer{}, path))
	require.NoError(t, os.WriteFile(path, []byte("graph LR"), 0o600))
	require.ErrorContains(t, diffMenus(&bytes.Buffer{}, path), "nova menu map --json")
}
