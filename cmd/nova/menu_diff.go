package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"nova/menus"
)

// drawnMenus is a build's menus as another build can read them: what each digit leads to, by menu, and what each screen
// of a flow leads to by which event.
type drawnMenus struct {
	Menus map[string]map[string]string `json:"menus"`
	Flows map[string]map[string]string `json:"flows"`
}

// drawn takes down the menus that are built in.
func drawn(tables menus.Tables) drawnMenus {
	d := drawnMenus{Menus: map[string]map[string]string{}, Flows: map[string]map[string]string{}}
	for _, menu := range tables.Menus {
		d.Menus[menu.Name] = map[string]string{}
		for _, option := range menu.Options {
			d.Menus[menu.Name][option.Digit] = option.To
		}
	}
	for _, flow := range tables.Flows {
		d.Flows[flow.Name] = map[string]string{}
		for _, event := range flow.Events {
			for _, from := range event.Src {
				d.Flows[flow.Name][from+" "+event.Name] = event.Dst
			}
		}
	}
	return d
}

// saveMenus writes the menus for a later diff.
func saveMenus(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(drawn(menus.BuiltIn()))
}

// diffMenus compares this build's menus with saved ones. A digit that leads elsewhere, or nowhere, is a broken promise:
// people have learned it by heart.
func diffMenus(out io.Writer, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read saved menus: %w", err)
	}
	var before drawnMenus
	if err := json.Unmarshal(text, &before); err != nil {
		return fmt.Errorf("%s is not what nova menu map --json writes: %w", path, err)
	}
	lines, broken := before.changes(drawn(menus.BuiltIn()))
	for _, line := range lines {
		_, _ = fmt.Fprintln(out, line) // a closed terminal changes nothing
	}
	if broken > 0 {
		return fmt.Errorf("%d broken promises", broken)
	}
	_, _ = fmt.Fprintln(out, "every digit leads where it did")
	return nil
}

// changes lists what is other than before, in a stable order, and counts the digits that broke their promise.
func (d drawnMenus) changes(now drawnMenus) (lines []string, broken int) {
	for _, menu := range slices.Sorted(maps.Keys(d.Menus)) {
		for _, digit := range slices.Sorted(maps.Keys(d.Menus[menu])) {
			was, is := d.Menus[menu][digit], now.Menus[menu][digit]
			switch {
			case is == "":
				lines = append(lines, fmt.Sprintf("gone: %s %s was %s", menu, digit, was))
				broken++
			case is != was:
				lines = append(lines, fmt.Sprintf("moved: %s %s was %s, is %s", menu, digit, was, is))
				broken++
			}
		}
	}
	lines = append(lines, added(d.Menus, now.Menus)...)
	for _, flow := range slices.Sorted(maps.Keys(d.Flows)) {
		if is, there := now.Flows[flow]; there && !maps.Equal(d.Flows[flow], is) {
			lines = append(lines, "changed: the steps of "+flow)
		}
	}
	return lines, broken
}

// added lists what was not there before.
func added(before, now map[string]map[string]string) []string {
	var lines []string
	for _, menu := range slices.Sorted(maps.Keys(now)) {
		for _, digit := range slices.Sorted(maps.Keys(now[menu])) {
			if before[menu][digit] == "" {
				lines = append(lines, fmt.Sprintf("new: %s %s is %s", menu, digit, now[menu][digit]))
			}
		}
	}
	return lines
}
