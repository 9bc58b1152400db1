package checkpoints_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/channels/outbound/checkpoints"
	"nova/core/clock"
)

type read struct {
	line  string
	first bool
}

func lines(t *testing.T, l *checkpoints.Log, since clock.Day) (all []read) {
	t.Helper()
	require.NoError(t, l.Each(since, func(line []byte, first bool) error {
		all = append(all, read{string(line), first})
		return nil
	}))
	return all
}

func TestLinesComeBackDayByDay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	l, err := checkpoints.Open(dir, "node/../one")
	require.NoError(t, err)
	for _, w := range []struct {
		day  clock.Day
		line string
	}{{"2026-11-21", "a"}, {"2026-11-21", "b"}, {"2026-11-22", "c"}} {
		require.NoError(t, l.Append(w.day, []byte(w.line)))
	}
	require.Equal(t, []read{{"a", true}, {"b", false}, {"c", true}}, lines(t, l, ""))
	require.Equal(t, []read{{"c", true}}, lines(t, l, "2026-11-22"))
	require.NoError(t, l.Close())

	second, err := checkpoints.Open(dir, "two")
	require.NoError(t, err)
	require.NoError(t, second.Append("2026-11-22", []byte("d")))
	require.Len(t, lines(t, second, ""), 4, "every process's lines are read")
	stop := errors.New("enough")
	require.ErrorIs(t, second.Each("", func([]byte, bool) error { return stop }), stop)
	require.NoError(t, second.Close())
}

func TestALineThatACrashCutOffIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "2026-11-21-x.jsonl"), []byte("whole\nhal"), 0o600))
	l, err := checkpoints.Open(dir, "one")
	require.NoError(t, err)
	require.Equal(t, []read{{"whole", true}}, lines(t, l, ""))
}
