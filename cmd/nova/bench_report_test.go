package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGoalsAreReachedOrNotPassed(t *testing.T) {
	cases := []struct {
		name        string
		goal        goal
		thousandths int
		met         bool
		says        string
	}{
		{"just enough", goal{least: 1500}, 1500, true, ">= 1.500"},
		{"too little", goal{least: 1500}, 1499, false, ">= 1.500"},
		{"just not too much", goal{most: 30}, 30, true, "<= 0.030"},
		{"too much", goal{most: 30}, 31, false, "<= 0.030"},
		{"whole numbers", goal{most: 1500_000}, 1501_000, false, "<= 1500"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.met, c.goal.met(c.thousandths))
			require.Equal(t, c.says, c.goal.String())
		})
	}
}

func TestASectionThatIsLeftOutKeepsItsFigures(t *testing.T) {
	dir := t.TempDir()
	out, readme := filepath.Join(dir, "bench.json"), filepath.Join(dir, "README.md")
	require.NoError(t, os.WriteFile(readme, []byte("a\n"+figuresFrom+"old\n"+figuresTo+"\nb\n"), 0o600))
	run := func(only, name string, value string) []string {
		b := &bench{benchOptions: benchOptions{out: out, readme: readme, only: only}, section: only}
		b.add(figure{Name: name, Value: json.Number(value), Unit: "1/s"})
		require.NoError(t, b.report(io.Discard))
		text, err := os.ReadFile(out) //nolint:gosec // the test's own
		require.NoError(t, err)
		var figures []figure
		require.NoError(t, json.Unmarshal(text, &figures))
		var lines []string
		for _, f := range figures {
			lines = append(lines, f.Section+" "+f.Name+" "+f.Value.String())
		}
		return lines
	}
	require.NoError(t, os.WriteFile(out, []byte(`[{"name": "of another time", "value": 1}]`), 0o600))
	require.Equal(t, []string{"ledger posting 1"}, run(sectionLedger, "posting", "1"))
	require.Equal(t, []string{"hops menu_hop 2", "ledger posting 1"}, run(sectionHops, "menu_hop", "2"))
	require.Equal(t, []string{"hops menu_hop 2", "ledger posting 3"}, run(sectionLedger, "posting", "3"))
	text, err := os.ReadFile(readme) //nolint:gosec // the test's own
	require.NoError(t, err)
	require.Equal(t, "a\n"+figuresFrom+"| figure | value | goal | conditions |\n|---|---|---|---|\n"+
		"| menu_hop | 2 1/s |  |  |\n| posting | 3 1/s |  |  |\n"+figuresTo+"\nb\n", string(text))
}
