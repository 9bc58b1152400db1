package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"unicode/utf8"

	"nova/menus/gsm7"
)

// What a handset's screen holds (3GPP TS 23.038): 182 septets, or 80 characters of
// UCS-2 where the alphabet lacks one.
const (
	maxSeptets = 182
	maxUCS2    = 80
)

// The box is as wide as its text, within reason.
const (
	minWidth = 24
	maxWidth = 40
)

// screen is what a handset shows.
type screen struct {
	text string
	end  bool
}

// pinLine is a line that asks for a PIN, and no option of a menu: "3 PIN" is one.
var pinLine = regexp.MustCompile(`(?mi)^[^0-9\n].*\bPIN\b|^PIN\b`)

// asksPIN tells that the next input is a secret.
func (s screen) asksPIN() bool { return !s.end && pinLine.MatchString(s.text) }

// draw is the screen in a box, with what it takes of the handset's room.
func (s screen) draw() string {
	var rows []string
	width := minWidth
	for _, row := range strings.Split(s.text, "\n") {
		rows = append(rows, fold(row)...)
	}
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row))
	}
	edge := "+" + strings.Repeat("-", width+2) + "+"
	var b strings.Builder
	b.WriteString(edge + "\n")
	for _, row := range rows {
		b.WriteString("| " + row + strings.Repeat(" ", width-utf8.RuneCountInString(row)) + " |\n")
	}
	b.WriteString(edge + "\n" + s.room())
	return b.String()
}

// fold cuts a row where the handset would.
func fold(row string) []string {
	runes := []rune(row)
	var rows []string
	for len(runes) > maxWidth {
		rows = append(rows, string(runes[:maxWidth]))
		runes = runes[maxWidth:]
	}
	return append(rows, string(runes))
}

// room is the line under the box.
func (s screen) room() string {
	text := fmt.Sprintf("  %d of %d UCS-2 characters", gsm7.UCS2(s.text), maxUCS2)
	if n, ok := gsm7.Septets(s.text); ok {
		text = fmt.Sprintf("  %d of %d septets", n, maxSeptets)
	}
	if s.end {
		text += ", the end"
	}
	return text
}

// echo shows or hides what is typed. Where there is no terminal, or no stty, nothing
// changes.
func (t terminal) echo(ctx context.Context, on bool) {
	if t.file == nil {
		return
	}
	mode := "-echo"
	if on {
		mode = "echo"
	}
	stty := exec.CommandContext(ctx, "stty", mode)
	stty.Stdin = t.file
	_ = stty.Run() // a convenience: without it the PIN is seen by who types it
}
