package configs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"nova/core/secret"
)

// Setting is one line of the documentation: a name of the environment, its place in the file, its default in
// development and what it means.
type Setting struct {
	Name, YAML, Default, Doc string

	field string // the struct's field
	inner string // of a gateway's setting: the name after the number
}

// gatewayPrefix begins the settings of the first gateway; further ones count up.
const gatewayPrefix = "NOVA_GATEWAYS_0_"

// Settings lists what can be set, in the struct's order.
func Settings() []Setting {
	c := Default(Development)
	settings := []Setting{{Name: FileName, Doc: "YAML file with these settings; the environment wins over it"}}
	settings = append(settings, fields(reflect.ValueOf(c))...)
	for _, s := range fields(reflect.ValueOf(c.Gateways[0])) {
		s.inner, s.Name, s.YAML = s.Name, gatewayPrefix+s.Name, "gateways[]."+s.YAML
		settings = append(settings, s)
	}
	return settings
}

// names are the names that the setting has for this many gateways.
func (s Setting) names(gateways int) []string {
	if s.inner == "" {
		return []string{s.Name}
	}
	names := make([]string, gateways)
	for i := range names {
		names[i] = fmt.Sprintf("NOVA_GATEWAYS_%d_%s", i, s.inner)
	}
	return names
}

func fields(v reflect.Value) []Setting {
	var settings []Setting
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, ok := f.Tag.Lookup("env")
		if !ok {
			continue
		}
		settings = append(settings, Setting{
			Name: name, YAML: f.Tag.Get("yaml"), Doc: f.Tag.Get("doc"), Default: written(v.Field(i)), field: f.Name,
		})
	}
	return settings
}

// written is a value as the environment would spell it. The only secret with a default is the demonstration's.
func written(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case secret.Text:
		return value.Reveal()
	case time.Duration:
		if value == 0 {
			return ""
		}
		return value.String()
	case []string:
		return strings.Join(value, ",")
	case map[string]string:
		pairs := make([]string, 0, len(value))
		for _, key := range sortedKeys(value) {
			pairs = append(pairs, key+":"+value[key])
		}
		return strings.Join(pairs, ",")
	default:
		if text := fmt.Sprint(value); text != "0" {
			return text
		}
		return ""
	}
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// Table is the settings as the README shows them.
func Table() string {
	var b strings.Builder
	b.WriteString("| environment | file | default in development | meaning |\n|---|---|---|---|\n")
	for _, s := range Settings() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, quoted(s.YAML), quoted(s.Default), s.Doc)
	}
	return b.String()
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// Example is example.env: every setting, commented out, with its default.
func Example() string {
	var b strings.Builder
	b.WriteString("# Every setting with its default in development. Uncomment what you change.\n")
	b.WriteString("# Gateways are numbered from 0 without a gap; a file (NOVA_CONFIG_FILE) is handier for several.\n")
	for _, s := range Settings() {
		fmt.Fprintf(&b, "\n# %s\n#%s=%s\n", s.Doc, s.Name, s.Default)
	}
	return b.String()
}
