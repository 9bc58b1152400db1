package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rules of SQL: each table is written by one package, each statement has a name,
// and each name is used by the package that owns it.

// statement is one named piece of queries/<pkg>.sql.
type statement struct {
	pkg, name, text string
}

// statementMark opens a statement.
var statementMark = regexp.MustCompile(`(?m)^-- name: *(\S+) *$`)

// statementsOf takes the query files apart, by package.
func statementsOf(files map[string]string) []statement {
	var all []statement
	for _, pkg := range slices.Sorted(maps.Keys(files)) {
		text := files[pkg]
		marks := statementMark.FindAllStringSubmatchIndex(text, -1)
		for i, mark := range marks {
			end := len(text)
			if i+1 < len(marks) {
				end = marks[i+1][0]
			}
			all = append(all, statement{pkg: pkg, name: text[mark[2]:mark[3]], text: text[mark[1]:end]})
		}
	}
	return all
}

var (
	// sqlNoise is what holds no keyword: comments and texts in quotes.
	sqlNoise = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'`)
	// sqlWord is a name, quoted or not, with its schema.
	sqlWord = regexp.MustCompile(`"?[a-z_][a-z0-9_]*"?(?:\."?[a-z_][a-z0-9_]*"?)*`)
)

// writtenTables lists the tables that a statement changes: what follows INSERT INTO,
// DELETE FROM, MERGE INTO, TRUNCATE, and UPDATE where it is not a locking or conflict
// clause.
func writtenTables(text string) []string {
	words := sqlWord.FindAllString(strings.ToLower(sqlNoise.ReplaceAllString(text, " ")), -1)
	var tables []string
	for i := range words {
		after := words[i+1:]
		if !writes(words, i) {
			continue
		}
		for len(after) > 0 && slices.Contains([]string{"into", "from", "only", "table"}, after[0]) {
			after = after[1:]
		}
		if len(after) > 0 {
			name := strings.ReplaceAll(after[0], `"`, "")
			tables = append(tables, name[strings.LastIndex(name, ".")+1:])
		}
	}
	return tables
}

// writes reports whether the word at i begins a change of the table that follows it.
func writes(words []string, i int) bool {
	near := func(at int) string {
		if at < 0 || at >= len(words) {
			return ""
		}
		return words[at]
	}
	switch words[i] {
	case "insert", "merge":
		return near(i+1) == "into"
	case "delete":
		return near(i+1) == "from"
	case "truncate":
		return true
	case "update":
		// Not so in "for update", "for no key update", "on conflict do update", and
		// a merge's "then update".
		return !slices.Contains([]string{"for", "key", "do", "then"}, near(i-1))
	}
	return false
}

// ownerFaults names every table that two packages write.
func ownerFaults(statements []statement) []string {
	type writer struct{ pkg, statement string }
	owners := map[string]writer{}
	var faults []string
	for _, s := range statements {
		for _, table := range writtenTables(s.text) {
			first, owned := owners[table]
			if !owned {
				owners[table] = writer{s.pkg, s.name}
				continue
			}
			if first.pkg != s.pkg {
				faults = append(faults, fmt.Sprintf("table %s is written by %s.%s and by %s.%s",
					table, first.pkg, first.statement, s.pkg, s.name))
			}
		}
	}
	return faults
}

// use is one place in Go that reaches for SQL.
type use struct {
	where string // file:line
	name  string // the statement asked for with Get; "" with Named
	file  string // the queries file opened with Named
}

// usesOf finds sql.Named("x") and .Get("x") in one package's sources, by file name.
// A Get of a name that is computed can't be checked, so it is a use of "?".
func usesOf(sources map[string]string) ([]use, error) {
	var uses []use
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, sources[name], parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if u, found := useOf(n); found {
				at := set.Position(n.Pos())
				u.where = fmt.Sprintf("%s:%d", at.Filename, at.Line)
				uses = append(uses, u)
			}
			return true
		})
	}
	return uses, nil
}

// useOf reads one call. A call of Get with more arguments than the name runs a
// statement and does not fetch one.
func useOf(n ast.Node) (use, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return use{}, false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return use{}, false
	}
	argument := "?"
	if literal, ok := call.Args[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
		argument, _ = strconv.Unquote(literal.Value) // the parser has accepted it
	}
	on, _ := method.X.(*ast.Ident)
	switch {
	case method.Sel.Name == "Named" && on != nil && on.Name == "sql":
		return use{file: argument}, true
	case method.Sel.Name == "Get":
		return use{name: argument}, true
	}
	return use{}, false
}

// useFaults compares the statements with what each package asks for. Only packages
// that open a queries file are asked; in the others Get is another library's.
func useFaults(statements []statement, uses map[string][]use) []string {
	var faults []string
	asked := map[string]bool{} // pkg.name
	opened := map[string]bool{}
	for _, pkg := range slices.Sorted(maps.Keys(uses)) {
		for _, u := range uses[pkg] {
			if u.file != "" && u.file != path.Base(pkg) {
				faults = append(faults, fmt.Sprintf("%s: %s opens queries/%s.sql", u.where, pkg, u.file))
			}
			opened[path.Base(pkg)] = opened[path.Base(pkg)] || u.file != ""
			asked[path.Base(pkg)+"."+u.name] = true
		}
	}
	known := map[string]bool{}
	strays := map[string]bool{}
	for _, s := range statements {
		known[s.pkg+"."+s.name] = true
		switch {
		case !opened[s.pkg] && !strays[s.pkg]:
			strays[s.pkg] = true
			faults = append(faults, fmt.Sprintf("queries/%s.sql: no package of that name opens it", s.pkg))
		case opened[s.pkg] && !asked[s.pkg+"."+s.name]:
			faults = append(faults, fmt.Sprintf("queries/%s.sql: nothing uses %s", s.pkg, s.name))
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(uses)) {
		for _, u := range uses[pkg] {
			if u.name != "" && opened[path.Base(pkg)] && !known[path.Base(pkg)+"."+u.name] {
				faults = append(faults, fmt.Sprintf("%s: queries/%s.sql has no %s", u.where, path.Base(pkg), u.name))
			}
		}
	}
	return faults
}

// queryFiles reads sql/queries, by package.
func queryFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := filepath.Glob(filepath.Join(root, "sql", "queries", "*.sql"))
	require.NoError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		files[strings.TrimSuffix(filepath.Base(name), ".sql")] = string(text)
	}
	return files
}

// coreUses reads the Go sources of core, tests left out, by package folder.
func coreUses(t *testing.T) map[string][]use {
	t.Helper()
	folders := map[string]map[string]string{}
	top := filepath.Join(root, "core")
	require.NoError(t, filepath.WalkDir(top, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(file))
		if folders[folder] == nil {
			folders[folder] = map[string]string{}
		}
		folders[folder][file] = string(text)
		return nil
	}))
	uses := map[string][]use{}
	for folder, sources := range folders {
		found, err := usesOf(sources)
		require.NoError(t, err)
		uses[folder] = found
	}
	return uses
}

func TestEachTableIsWrittenByOnePackage(t *testing.T) {
	statements := statementsOf(queryFiles(t))
	require.NotEmpty(t, statements)
	for _, fault := range ownerFaults(statements) {
		t.Error(fault)
	}
}

func TestEachStatementIsUsedAndEachUseExists(t *testing.T) {
	for _, fault := range useFaults(statementsOf(queryFiles(t)), coreUses(t)) {
		t.Error(fault)
	}
}

func TestWrittenTables(t *testing.T) {
	cases := []struct {
		name, text string
		want       []string
	}{
		{"reading", "select * from a where b = 1", nil},
		{"locking", "select * from a for update; select * from b for no key update skip locked", nil},
		{"inserting", "insert into a (b) values ($1) on conflict (b) do update set b = excluded.b", []string{"a"}},
		{"updating", "UPDATE a x SET b = u.b FROM unnest($1::int[]) u (b) WHERE x.b = u.b", []string{"a"}},
		{"updating one table of a family", "update only a set b = 1", []string{"a"}},
		{"deleting", "delete from a using b where a.c = b.c returning a.c", []string{"a"}},
		{"in a CTE", "with gone as (delete from a returning *) insert into b select * from gone", []string{"a", "b"}},
		{"merging", `merge into a using b on a.c = b.c when matched and b.d then delete
			when matched then update set e = 1 when not matched then insert (e) values (1)`, []string{"a"}},
		{"emptying", "truncate table a", []string{"a"}},
		{"with a schema and quotes", `insert into public."a" values (1)`, []string{"a"}},
		{"a comment is no statement", "-- then update b\n/* delete from c */ select 1", nil},
		{"a text is no statement", "select 'it''s time to delete from a'", nil},
		{"columns called alike", "select updated_at, last_update, deleted from a", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, writtenTables(c.text))
		})
	}
}

func TestOwnerRule(t *testing.T) {
	good := map[string]string{
		"ledger":   "-- name: book\ninsert into entries values (1);\n\n-- name: move\nupdate entries set a = 1;\n",
		"identity": "-- name: save\nupdate credentials set a = 1\n\n-- name: look\nselect * from entries for update\n",
	}
	require.Empty(t, ownerFaults(statementsOf(good)))

	bad := maps.Clone(good)
	bad["payments"] = "-- name: shortcut\nwith x as (select 1)\ndelete from entries\n"
	require.Equal(t, []string{"table entries is written by ledger.book and by payments.shortcut"},
		ownerFaults(statementsOf(bad)))
}

func TestUseRule(t *testing.T) {
	files := map[string]string{"ledger": "-- name: book\nselect 1;\n-- name: move\nselect 2;\n"}
	sources := func(body string) map[string][]use {
		uses, err := usesOf(map[string]string{"store.go": "package ledger\n" + body})
		require.NoError(t, err)
		return map[string][]use{"core/ledger": uses}
	}
	const both = `var queries = sql.Named("ledger")
var one, two = queries.Get("book"), queries.Get("move")
`
	cases := []struct {
		name string
		uses map[string][]use
		want []string
	}{
		{"both used", sources(both), nil},
		{"used through a field", sources(`var s = store{sql.Named("ledger")}
func f() { _ = q.Get(ctx, &row, s.queries.Get("book"), 1); _ = s.queries.Get("move") }`), nil},
		{"one unused", sources(`var q = sql.Named("ledger").Get("book")`), []string{"queries/ledger.sql: nothing uses move"}},
		{"one that does not exist", sources(both + `var three = queries.Get("mvoe")`),
			[]string{"store.go:4: queries/ledger.sql has no mvoe"}},
		{"a computed name", sources(both + `func f(name string) { queries.Get(name) }`),
			[]string{"store.go:4: queries/ledger.sql has no ?"}},
		{"another package's file", sources(both + `var other = sql.Named("identity")`),
			[]string{"store.go:4: core/ledger opens queries/identity.sql"}},
		{"a file that no package opens", nil, []string{"queries/ledger.sql: no package of that name opens it"}},
		{"a Get of something else, where there are no queries", map[string][]use{
			"core/ledger": sources(both)["core/ledger"], "core/files": {{where: "files.go:9", name: "Content-Type"}},
		}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, useFaults(statementsOf(files), c.uses))
		})
	}
}
