package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// document is a text for people that names commands and files.
type document struct{ name, text string }

func readDocument(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, name))
	require.NoError(t, err)
	return document{name: name, text: string(text)}
}

// between is what stands between <!-- mark --> and <!-- /mark -->.
func (d document) between(t *testing.T, mark string) string {
	t.Helper()
	_, rest, found := strings.Cut(d.text, "<!-- "+mark+" -->")
	inside, _, closed := strings.Cut(rest, "<!-- /"+mark+" -->")
	require.True(t, found && closed, "%s has no marks %q", d.name, mark)
	return inside
}

var (
	fence    = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```$")
	codeSpan = regexp.MustCompile("`([^`]+)`")
	// settings and the like are compared with the code by tests of their own.
	generated = regexp.MustCompile(`(?s)<!-- (config|bench) -->.*?<!-- /(config|bench) -->`)
)

// prose is the text without fenced blocks and generated parts.
func (d document) prose() string {
	return fence.ReplaceAllString(generated.ReplaceAllString(d.text, ""), "")
}

// spans are the words in `code`, each on one line.
func (d document) spans() []string { return spansOf(d.prose()) }

func spansOf(text string) []string {
	var list []string
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.Join(strings.Fields(m[1]), " "))
	}
	return list
}

// commands are all commands of the document: those in `code` and the lines of fenced blocks.
func (d document) commands() []string {
	var list []string
	starts := regexp.MustCompile(`^(\$ )?((bin/)?nova|make|go|git|curl)( |$)`)
	add := func(line string) {
		if line, _, _ = strings.Cut(line, " # "); starts.MatchString(line) {
			list = append(list, strings.TrimSpace(strings.TrimPrefix(line, "$ ")))
		}
	}
	for _, span := range d.spans() {
		add(span)
	}
	for _, block := range fence.FindAllStringSubmatch(d.text, -1) {
		for _, line := range strings.Split(block[1], "\n") {
			add(line)
		}
	}
	return list
}

// documents are the texts that newcomers follow.
var documents = []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}

func TestEveryCommandInTheDocumentsExists(t *testing.T) {
	bin := buildNova(t)
	for _, name := range documents {
		t.Run(name, func(t *testing.T) {
			for _, command := range readDocument(t, name).commands() {
				require.Empty(t, commandFault(t, bin, command), command)
			}
		})
	}
}

// commandFault says what is wrong with a command that a document names; "" if nothing is.
func commandFault(t *testing.T, bin, command string) string {
	t.Helper()
	words := strings.Fields(command)
	switch program := words[0]; program {
	case "make":
		for _, target := range words[1:] {
			if strings.Contains(target, "=") {
				break // variables, whose values may have spaces
			}
			if !slices.Contains(targets(t), target) {
				return "the Makefile has no target " + target
			}
		}
	case "nova", "bin/nova":
		return subcommandFault(t, bin, words[1:])
	case "curl":
		return "" // in the session, which is run
	default:
		if _, err := exec.LookPath(program); err != nil {
			return err.Error()
		}
	}
	return ""
}

// targets are the Makefile's.
func targets(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	require.NoError(t, err)
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	return list
}

// subcommandFault asks the program for help on the words before the first flag.
func subcommandFault(t *testing.T, bin string, words []string) string {
	t.Helper()
	if end := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") }); end >= 0 {
		words = words[:end]
	}
	help, err := exec.CommandContext(t.Context(), bin, append(slices.Clone(words), "--help")...).CombinedOutput()
	if err != nil {
		return string(help)
	}
	usage := strings.Join(append([]string{"  nova"}, words...), " ")
	if !strings.Contains(string(help)+"\n", usage+" ") && !strings.Contains(string(help), usage+"\n") {
		return "nova does not know it; its help says:\n" + string(help)
	}
	return ""
}

// TestTheREADMENamesEverySubcommand compares the first row of its table with the program.
func TestTheREADMENamesEverySubcommand(t *testing.T) {
	help, err := exec.CommandContext(t.Context(), buildNova(t), "--help").Output()
	require.NoError(t, err)
	_, list, _ := strings.Cut(string(help), "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var known []string
	for _, line := range strings.Split(list, "\n") {
		if name := strings.Fields(line)[0]; name != "help" && name != "completion" {
			known = append(known, name)
		}
	}
	row := regexp.MustCompile("(?m)^\\| `cmd/nova` \\|.*$").FindString(readDocument(t, "README.md").text)
	require.ElementsMatch(t, known, spansOf(row)[1:])
}

func TestEveryPathInTheDocumentsExists(t *testing.T) {
	for _, name := range documents {
		t.Run(name, func(t *testing.T) {
			for _, paragraph := range strings.Split(readDocument(t, name).prose(), "\n\n") {
				for _, path := range missingPaths(paragraph) {
					t.Errorf("there is no %s", path)
				}
			}
		})
	}
}

// isPath tells a path in `code` by its form; other words are names of Go, of settings and so on,
// and a first part with a dot inside is a module's host.
var (
	isPath   = regexp.MustCompile(`^[\w.*<>-]+(/[\w.*<>-]*)+$|^[\w.-]+\.(go|md|json|env|yml|yaml|mod|sql)$`)
	isModule = regexp.MustCompile(`^\w+\.\w[\w.]*/`)
)

// missingPaths lists the paths of a paragraph that do not exist. A file's bare name may lie in a
// folder that the paragraph names before it; <name> and * stand for anything.
func missingPaths(paragraph string) []string {
	folders := []string{"."}
	var missing []string
	for _, span := range append(spansOf(paragraph), capitals.FindAllString(paragraph, -1)...) {
		if !isPath.MatchString(span) || isModule.MatchString(span) || strings.HasPrefix(span, ".nova/") {
			if topFolder(span) {
				folders = append(folders, span)
			}
			continue
		}
		// What a person is to make is there in principle when its folder is.
		if before, _, made := strings.Cut(span, "<"); made {
			span = filepath.Dir(before + "x")
		}
		if !exists(folders, span) {
			missing = append(missing, span)
			continue
		}
		folders = append(folders, span, filepath.Dir(span))
	}
	return missing
}

// topFolder tells the bare name of one of the repository's folders.
func topFolder(name string) bool {
	info, err := os.Stat(filepath.Join(repository, name))
	return err == nil && info.IsDir()
}

// capitals are files such as CONTRIBUTING.md, named without `code`.
var capitals = regexp.MustCompile(`\b[A-Z]+\.md\b`)

func exists(folders []string, path string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		found, err := filepath.Glob(filepath.Join(repository, folder, path))
		return err == nil && len(found) > 0
	})
}

// TestTheREADMEsFoldersExist reads the table of the project's structure: a row's first word is a
// folder, and the others in `code` are in it.
func TestTheREADMEsFoldersExist(t *testing.T) {
	_, table, found := strings.Cut(readDocument(t, "README.md").text, "## Project structure")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `.*$").FindAllString(table, -1)
	require.Greater(t, len(rows), 5)
	for _, row := range rows {
		spans := spansOf(row)
		require.True(t, exists([]string{"."}, spans[0]), spans[0])
		for _, inside := range spans[1:] {
			if spans[0] == "cmd/nova" || strings.HasPrefix(inside, "/") || strings.HasPrefix(inside, "...") {
				continue // subcommands and routes
			}
			require.True(t, exists([]string{spans[0]}, inside), "%s in %s", inside, spans[0])
		}
	}
}

// TestTheREADMEsVersionsAreTheModules compares its table of dependencies with go.mod.
func TestTheREADMEsVersionsAreTheModules(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	require.NoError(t, err)
	_, table, found := strings.Cut(readDocument(t, "README.md").text, "| module | version | why |")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	rows := 0
	for _, line := range strings.Split(strings.TrimSpace(table), "\n")[1:] {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		modules, versions := strings.Split(cells[0], ", "), strings.Split(cells[1], ", ")
		require.Len(t, versions, len(modules), line)
		for i := range modules {
			require.Regexp(t, `(?m)^\t(\S+/)?`+regexp.QuoteMeta(modules[i]+" "+versions[i])+`$`, string(mod))
			rows++
		}
	}
	require.Greater(t, rows, 15)
}

func TestWrongWordsInADocumentAreFound(t *testing.T) {
	bin := buildNova(t)
	for _, command := range []string{"make nothing", "nova nothing", "bin/nova ledger nothing", "git-nothing x"} {
		require.NotEmpty(t, commandFault(t, bin, command), command)
	}
	d := document{text: "`make\nx` and `y`\n```\nmake run   # starts\n$ curl z\n  box\n```\n<!-- config -->\n`make q`\n<!-- /config -->"}
	require.Equal(t, []string{"make x", "make run", "curl z"}, d.commands())
	for paragraph, want := range map[string][]string{
		"`core/ledger` and `nothing/at.all`":        {"nothing/at.all"},
		"`channels/ussd/<name>/` and `mount.go`":    nil,
		"`nowhere/<name>/x`":                        {"nowhere"},
		"`mount.go` on its own":                     {"mount.go"},
		"`menus/text/*.json`, `menus/text/*.yaml`":  {"menus/text/*.yaml"},
		"See LICENSING.md and `ledger.Command`.":    {"LICENSING.md"},
		"`.nova/bench.json`, `CI` and `/v1/health`": nil,
		"`configs` has `example.env`":               nil,
		"`golang.org/x/exp` is a module":            nil,
	} {
		require.Equal(t, want, missingPaths(paragraph), paragraph)
	}
}
