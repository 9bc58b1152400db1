package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
)

// figure is one line of the report.
type figure struct {
	Name  string      `json:"name"`
	Value json.Number `json:"value"`
	Unit  string      `json:"unit"`
	// Goal and Met are absent where a figure only informs.
	Goal       string `json:"goal,omitempty"`
	Met        *bool  `json:"met,omitempty"`
	Conditions string `json:"conditions"`
}

// goal is what a ratio must reach, in thousandths.
type goal struct {
	least int
	says  string
}

func (b *bench) rate(name string, perSecond int, what string) {
	b.figures = append(b.figures, figure{
		Name: name + "_per_second", Value: json.Number(fmt.Sprint(perSecond)), Unit: "1/s", Conditions: b.conditions(what),
	})
}

func (b *bench) ratio(name string, ours, ceiling int, g goal) {
	thousandths := ours * 1000 / max(ceiling, 1)
	met := thousandths >= g.least
	b.figures = append(b.figures, figure{
		Name: name, Value: decimal(thousandths), Unit: "ratio", Goal: ">= " + string(decimal(g.least)), Met: &met,
		Conditions: b.conditions(g.says),
	})
}

// times are the percentiles at a steady rate.
func (b *bench) times(name string, m measured, rate int) {
	what := fmt.Sprintf("%d a second, %d%% of its own most, counted from when each call was due", rate, easyPercent)
	for _, p := range []int{50, 99} {
		b.figures = append(b.figures, figure{
			Name: fmt.Sprintf("%s_p%d", name, p), Value: decimal(int(m.percentile(p).Microseconds())), Unit: "ms",
			Conditions: b.conditions(what),
		})
	}
}

// decimal writes thousandths.
func decimal(thousandths int) json.Number {
	return json.Number(fmt.Sprintf("%d.%03d", thousandths/1000, thousandths%1000))
}

func (b *bench) conditions(what string) string {
	return fmt.Sprintf("%s; %d connections, %d cores shared with load generator, PostgreSQL (fsync on) and Redis; median of %d rounds of %s",
		what, b.connections, runtime.NumCPU(), b.rounds, b.slice)
}

// report prints the figures and writes them. A goal that is missed is no failure of the run.
func (b *bench) report(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "FIGURE\tVALUE\tUNIT\tGOAL\tMET")
	for _, f := range b.figures {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.Name, f.Value, f.Unit, f.Goal, f.met())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(b.figures, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.out), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(b.out, append(text, '\n'), 0o644); err != nil { //nolint:gosec // figures are for everybody
		return err
	}
	if b.readme == "" {
		return nil
	}
	return b.updateReadme()
}

func (f figure) met() string {
	if f.Met == nil {
		return ""
	}
	return map[bool]string{true: "yes", false: "no"}[*f.Met]
}

// The table of figures stands between these lines of the README.
const (
	figuresFrom = "<!-- bench -->\n"
	figuresTo   = "<!-- /bench -->"
)

// updateReadme puts the figures into the README's table.
func (b *bench) updateReadme() error {
	text, err := os.ReadFile(b.readme)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(text, []byte(figuresFrom))
	_, after, ends := bytes.Cut(rest, []byte(figuresTo))
	if !begins || !ends {
		return errors.New(b.readme + " has no place for the figures")
	}
	var now bytes.Buffer
	now.Write(before)
	now.WriteString(figuresFrom + "| figure | value | goal | conditions |\n|---|---|---|---|\n")
	for _, f := range b.figures {
		fmt.Fprintf(&now, "| %s | %s %s | %s | %s |\n", f.Name, f.Value, f.Unit, f.Goal, f.Conditions)
	}
	now.WriteString(figuresTo)
	now.Write(after)
	return os.WriteFile(b.readme, now.Bytes(), 0o644) //nolint:gosec // the README is for everybody
}
