package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// SECURITY.md says of each threat and of each demand of a standard which tests hold it. What follows keeps that true: a test
// that it names exists, and a row that names none says why.

var (
	// proofs are some tests of one package, as SECURITY.md names them: `core/audit: TestOne, TestTwo`.
	proofs = regexp.MustCompile(`^([a-z0-9/]+): ((?:(?:Test|Fuzz)\w+(?:, )?)+)$`)
	// testName is a test's name wherever it stands.
	testName = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
	// demand begins a row about one of the standards' own: API1 to API10, V1 to V17.
	demand = regexp.MustCompile(`^\| ((?:API|V)[0-9]+) `)
)

// excuses are what a row says where no test holds it.
var excuses = []string{"not applicable, because ", "not held: "}

// mapped are the headings whose tables say of each row what holds it.
var mapped = []string{"OWASP API Security Top 10 (2023)", "OWASP ASVS 5.0, level 2", "ITU-T X.1456"}

// demands are all rows that the standards number.
func demands() []string {
	var list []string
	for i := 1; i <= 10; i++ {
		list = append(list, fmt.Sprintf("API%d", i))
	}
	for i := 1; i <= 17; i++ {
		list = append(list, fmt.Sprintf("V%d", i))
	}
	return list
}

// securityFaults lists what is wrong with the text; tests gives the names of a package's tests.
func securityFaults(text string, tests func(folder string) []string) []string {
	faults := unproved(text, tests)
	seen := map[string]int{}
	for _, heading := range mapped {
		rows := rowsUnder(text, heading)
		if len(rows) == 0 {
			faults = append(faults, "there is no table under "+heading)
		}
		for _, row := range rows {
			if m := demand.FindStringSubmatch(row); m != nil {
				seen[m[1]]++
			}
			excused := slices.ContainsFunc(excuses, func(e string) bool { return strings.Contains(row, e) })
			if !excused && !slices.ContainsFunc(spansOf(row), proofs.MatchString) {
				faults = append(faults, "a row names no test and does not say why: "+row)
			}
		}
	}
	for _, name := range demands() {
		if seen[name] != 1 {
			faults = append(faults, fmt.Sprintf("%s has %d rows", name, seen[name]))
		}
	}
	return faults
}

// unproved lists the tests that the text names and that are not there.
func unproved(text string, tests func(folder string) []string) []string {
	var faults []string
	named := 0
	for _, span := range spansOf(text) {
		m := proofs.FindStringSubmatch(span)
		if m == nil {
			continue
		}
		there := tests(m[1])
		for _, name := range strings.Split(m[2], ", ") {
			named++
			if !slices.Contains(there, name) {
				faults = append(faults, fmt.Sprintf("%s has no %s", m[1], name))
			}
		}
	}
	if all := len(testName.FindAllString(text, -1)); all != named {
		faults = append(faults, fmt.Sprintf("%d tests are named outside `package: TestName`", all-named))
	}
	return faults
}

// rowsUnder are the lines of the table under a heading, without its head.
func rowsUnder(text, heading string) []string {
	_, rest, found := strings.Cut(text, "\n### "+heading+"\n")
	if !found {
		return nil
	}
	_, rest, found = strings.Cut(rest, "\n|---")
	if !found {
		return nil
	}
	var rows []string
	for _, line := range strings.Split(rest, "\n")[1:] {
		if !strings.HasPrefix(line, "| ") {
			break
		}
		rows = append(rows, line)
	}
	return rows
}

// testsOf are the names of the tests of a folder, in the order of its files.
func testsOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, folder, "*_test.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

func TestSECURITYNamesTestsThatExist(t *testing.T) {
	known := map[string][]string{}
	tests := func(folder string) []string {
		if known[folder] == nil {
			known[folder] = testsOf(t, folder)
		}
		return known[folder]
	}
	for _, fault := range securityFaults(readDocument(t, "SECURITY.md").prose(), tests) {
		t.Error(fault)
	}
	require.Greater(t, len(known), 15, "the search must see the tables")
}

func TestWhatSECURITYClaimsWronglyIsFound(t *testing.T) {
	row := func(name, held string) string { return "| " + name + " x | " + held + " |\n" }
	table := func(heading string, rows ...string) string {
		return "\n### " + heading + "\n\n| what | held by |\n|---|---|\n" + strings.Join(rows, "") + "\n"
	}
	held := "`core/a: TestIsThere, FuzzIsToo`"
	var api, asvs []string
	for _, name := range demands() {
		if strings.HasPrefix(name, "API") {
			api = append(api, row(name, held))
			continue
		}
		asvs = append(asvs, row(name, held))
	}
	good := table(mapped[0], api...) + table(mapped[1], asvs...) + table(mapped[2], row("replay", held))
	for name, c := range map[string]struct{ text, want string }{
		"all is right":            {good, ""},
		"an excuse":               {strings.Replace(good, held, "not held: nobody has done it", 1), ""},
		"a test that is gone":     {good + "`core/a: TestWasThere`\n", "core/a has no TestWasThere"},
		"a package that is gone":  {good + "`core/b: TestIsThere`\n", "core/b has no TestIsThere"},
		"a test outside the form": {good + "as TestIsThere proves\n", "1 tests are named outside"},
		"a row without proof":     {strings.Replace(good, held, "we take care", 1), "a row names no test"},
		"a row that is missing":   {strings.Replace(good, api[6], "", 1), "API7 has 0 rows"},
		"a row that stands twice": {strings.Replace(good, asvs[2], asvs[2]+asvs[2], 1), "V3 has 2 rows"},
		"a table that is missing": {strings.Replace(good, mapped[2], "another", 1), "there is no table under ITU-T X.1456"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := strings.Join(securityFaults(c.text, func(folder string) []string {
				return map[string][]string{"core/a": {"TestIsThere", "FuzzIsToo"}}[folder]
			}), "; ")
			if c.want == "" {
				require.Empty(t, faults)
				return
			}
			require.Contains(t, faults, c.want)
		})
	}
}
