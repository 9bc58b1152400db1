package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"text/tabwriter"
)

// figure is one line of the report.
type figure struct {
	Section string      `json:"section"`
	Name    string      `json:"name"`
	Value   json.Number `json:"value"`
	Unit    string      `json:"unit"`
	// Goal and Met are absent where a figure only informs.
	Goal       string `json:"goal,omitempty"`
	Met        *bool  `json:"met,omitempty"`
	Conditions string `json:"conditions"`
}

// goal is what a ratio must reach, or what it must not pass, in thousandths; the other is 0.
type goal struct {
	least, most int
	says        string
}

func (g goal) met(thousandths int) bool {
	return thousandths >= g.least && (g.most == 0 || thousandths <= g.most)
}

func (g goal) String() string {
	if g.most != 0 {
		return "<= " + string(decimal(g.most))
	}
	return ">= " + string(decimal(g.least))
}

// add puts a figure into the report of the section that is being measured.
func (b *bench) add(f figure) {
	f.Section = b.section
	b.figures = append(b.figures, f)
}

func (b *bench) rate(name string, perSecond int, what string) {
	b.add(figure{
		Name: name + "_per_second", Value: json.Number(fmt.Sprint(perSecond)), Unit: "1/s", Conditions: b.conditions(what),
	})
}

func (b *bench) ratio(name string, ours, ceiling int, g goal) {
	b.judge(figure{Name: name, Unit: "ratio", Conditions: b.conditions(g.says)}, ours*1000/max(ceiling, 1), g)
}

// judge adds a figure of so many thousandths that has a goal.
func (b *bench) judge(f figure, thousandths int, g goal) {
	met := g.met(thousandths)
	f.Value, f.Goal, f.Met = decimal(thousandths), g.String(), &met
	b.add(f)
}

// times are the percentiles at a steady rate.
func (b *bench) times(name string, m measured, rate int) {
	what := fmt.Sprintf("%d a second, %d%% of its own most, counted from when each call was due", rate, easyPercent)
	for _, p := range []int{50, 99} {
		b.add(figure{
			Name: fmt.Sprintf("%s_p%d", name, p), Value: decimal(int(m.percentile(p).Microseconds())), Unit: "ms",
			Conditions: b.conditions(what),
		})
	}
}

// decimal writes thousandths; a whole number that is too large to be a ratio has no decimals.
func decimal(thousandths int) json.Number {
	if thousandths >= 100_000 && thousandths%1000 == 0 {
		return json.Number(strconv.Itoa(thousandths / 1000))
	}
	return json.Number(fmt.Sprintf("%d.%03d", thousandths/1000, thousandths%1000))
}

func (b *bench) conditions(what string) string {
	if b.section == sectionHops {
		what += fmt.Sprintf("; %d connections", b.connections)
	}
	return fmt.Sprintf("%s, %d cores shared with load generator, PostgreSQL (fsync on) and Redis; median of %d rounds of %s",
		what, runtime.NumCPU(), b.rounds, b.slice)
}

// report prints the figures and writes them. A goal that is missed is no failure of the run.
func (b *bench) report(out io.Writer) error {
	if err := b.keepOthers(); err != nil {
		return err
	}
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

// keepOthers takes in what an earlier run found in the sections that this one left out.
func (b *bench) keepOthers() error {
	text, err := os.ReadFile(b.out)
	if b.only == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var before []figure
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("figures of an earlier run in %s: %w", b.out, err)
	}
	before = slices.DeleteFunc(before, func(f figure) bool { return f.Section == b.only || f.place() < 0 })
	b.figures = append(before, b.figures...)
	slices.SortStableFunc(b.figures, func(f, g figure) int { return cmp.Compare(f.place(), g.place()) })
	return nil
}

// place is that of the figure's section in the report.
func (f figure) place() int { return slices.Index(benchSections, f.Section) }

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
