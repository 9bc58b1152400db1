package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/channels/web/browsertest"
)

func TestBrowserIsInstalledOnlyWhereItIsNamedAndMissing(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	require.Empty(t, wantedTools(nil), "make run names nothing")
	require.Empty(t, wantedTools([]string{"postgres", "redis"}))
	require.Len(t, wantedTools([]string{"redis", "chromium"}), 1)
	for _, r := range append(wanted(nil), wanted([]string{"chromium"})...) {
		require.NotEqual(t, "chromium", r.name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(bin, "chromium"), []byte("#!/bin/sh\n"), 0o700))
	require.Empty(t, wantedTools([]string{"chromium"}))
	require.Equal(t, browsertest.Programs(), browsers, "the tests look for what is installed")
}

func TestBrowserThatCannotBeHadIsAnErrorInCIOnly(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no apt-get there
	for ci, fails := range map[string]bool{"": false, "true": true} {
		t.Setenv(ciVariable, ci)
		var out bytes.Buffer
		err := installTools(t.Context(), testTools, &out)
		if fails {
			require.ErrorContains(t, err, "no apt-get")
			continue
		}
		require.NoError(t, err)
		require.Contains(t, out.String(), "going on without chromium, and without the tests that need it")
	}
}
