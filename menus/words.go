package menus

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"nova/menus/gsm7"
)

//go:embed text/*.json
var packFiles embed.FS

// Pack holds the words of one language: key -> template. A template's placeholders stand in braces: {amount}.
type Pack struct {
	Language string
	words    map[string]template
	// Folded names the keys whose words lost an accent or a sign that GSM-7 lacks, for the lint to show.
	Folded map[string]string
}

// Packs are all languages, the default one first.
type Packs struct {
	order []string
	packs map[string]Pack
}

// template is a text cut at its placeholders: literal, name, literal, name, ..., literal.
type template struct{ parts []string }

// LoadPacks reads the language packs that are built in. first is the default language.
func LoadPacks(first string) (*Packs, error) {
	texts, err := fs.Sub(packFiles, "text")
	if err != nil {
		return nil, fmt.Errorf("read language packs: %w", err)
	}
	return ReadPacks(texts, first)
}

// ReadPacks reads every <language>.json of a folder.
func ReadPacks(folder fs.FS, first string) (*Packs, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list language packs: %w", err)
	}
	p := &Packs{packs: map[string]Pack{}}
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		pack, err := parsePack(strings.TrimSuffix(path.Base(name), ".json"), text)
		if err != nil {
			return nil, err
		}
		p.packs[pack.Language] = pack
	}
	if _, ok := p.packs[first]; !ok {
		return nil, fmt.Errorf("there is no language pack %q", first)
	}
	p.order = slices.Sorted(maps.Keys(p.packs))
	p.order = append([]string{first}, slices.DeleteFunc(p.order, func(l string) bool { return l == first })...)
	return p, nil
}

func parsePack(language string, text []byte) (Pack, error) {
	var raw map[string]string
	if err := json.Unmarshal(text, &raw); err != nil {
		return Pack{}, fmt.Errorf("language pack %s: %w", language, err)
	}
	pack := Pack{Language: language, words: make(map[string]template, len(raw)), Folded: map[string]string{}}
	for key, words := range raw {
		folded := gsm7.Fold(words)
		if folded != words {
			pack.Folded[key] = folded
		}
		t, err := parseTemplate(folded)
		if err != nil {
			return Pack{}, fmt.Errorf("language pack %s: %s: %w", language, key, err)
		}
		pack.words[key] = t
	}
	return pack, nil
}

func parseTemplate(text string) (template, error) {
	var parts []string
	rest := text
	for {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			return template{parts: append(parts, rest)}, nil
		}
		end := strings.IndexByte(rest[open:], '}')
		if end < 0 {
			return template{}, fmt.Errorf("a brace is not closed in %q", text)
		}
		parts = append(parts, rest[:open], rest[open+1:open+end])
		rest = rest[open+end+1:]
	}
}

// placeholders are the names between braces, in order.
func (t template) placeholders() []string {
	var names []string
	for i := 1; i < len(t.parts); i += 2 {
		names = append(names, t.parts[i])
	}
	return names
}

// render fills the placeholders; what value knows nothing of stands empty, and missing tells its name.
func (t template) render(value func(name string) (string, bool)) (text string, missing []string) {
	var b strings.Builder
	for i, part := range t.parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		v, ok := value(part)
		if !ok {
			missing = append(missing, part)
		}
		b.WriteString(gsm7.Fold(v))
	}
	return b.String(), missing
}

// Languages lists the languages, the default one first.
func (p *Packs) Languages() []string { return p.order }

// Default is the language of people of whom nothing is known.
func (p *Packs) Default() string { return p.order[0] }

// Has tells whether there is a pack for the language.
func (p *Packs) Has(language string) bool { _, ok := p.packs[language]; return ok }

// Keys lists the keys of a language, sorted.
func (p *Packs) Keys(language string) []string {
	return slices.Sorted(maps.Keys(p.packs[language].words))
}

// Placeholders lists the placeholders of a text, in order; ok tells whether the key exists.
func (p *Packs) Placeholders(language, key string) (names []string, ok bool) {
	t, ok := p.packs[language].words[key]
	return t.placeholders(), ok
}

// Folded tells which texts of a language lost a sign that GSM-7 lacks, and what they became.
func (p *Packs) Folded(language string) map[string]string { return p.packs[language].Folded }

// Text is a text of a language with its placeholders filled from args. Screens and SMS alike are made by it. A
// language without a pack speaks the default one; an unknown key is an error, since the lint keeps packs complete.
func (p *Packs) Text(language, key string, args map[string]string) (string, error) {
	text, missing, err := p.fill(language, key, func(name string) (string, bool) { v, ok := args[name]; return v, ok })
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("text %s lacks %s", key, strings.Join(missing, ", "))
	}
	return text, err
}

func (p *Packs) fill(language, key string, value func(string) (string, bool)) (string, []string, error) {
	pack, ok := p.packs[language]
	if !ok {
		pack = p.packs[p.Default()]
	}
	t, ok := pack.words[key]
	if !ok {
		return "", nil, fmt.Errorf("language pack %s has no text %s", pack.Language, key)
	}
	text, missing := t.render(value)
	return text, missing, nil
}

// Text words a notice in a language: its arguments, and what is the same for everybody, such as the help number.
func (e *Engine) Text(language, key string, args map[string]string) (string, error) {
	text, missing, err := e.o.Packs.fill(language, key, func(name string) (string, bool) {
		if v, ok := args[name]; ok {
			return v, true
		}
		return e.o.Help, name == "help"
	})
	if err == nil {
		err = lacks(key, missing)
	}
	return text, err
}
