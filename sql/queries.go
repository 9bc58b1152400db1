package sql

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed queries/*.sql
var queryFiles embed.FS

// nameMark opens a named statement in a queries file.
const nameMark = "-- name: "

// Query is a named statement. Name is <package>.<statement>.
type Query struct {
	Name, Text string
}

// Queries are the statements of one package.
type Queries map[string]Query

// Named reads the statements of queries/<pkg>.sql. A missing or malformed file is a broken build, and panics.
func Named(pkg string) Queries {
	text, err := queryFiles.ReadFile("queries/" + pkg + ".sql")
	if err != nil {
		panic(fmt.Sprintf("sql: queries of %s: %v", pkg, err))
	}
	queries, err := parseQueries(pkg, string(text))
	if err != nil {
		panic("sql: " + err.Error())
	}
	return queries
}

// Get returns the statement called name. An unknown name is a broken build, and panics.
func (q Queries) Get(name string) Query {
	query, ok := q[name]
	if !ok {
		panic("sql: no statement is called " + name)
	}
	return query
}

// All lists the statements, for a pool that prepares them ahead.
func (q Queries) All() []Query {
	all := make([]Query, 0, len(q))
	for _, query := range q {
		all = append(all, query)
	}
	return all
}

// Packages names the packages that have statements.
func Packages() ([]string, error) {
	files, err := queryFiles.ReadDir("queries")
	if err != nil {
		return nil, fmt.Errorf("list queries: %w", err)
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file.Name(), ".sql"))
	}
	return names, nil
}

func parseQueries(pkg, text string) (Queries, error) {
	queries := Queries{}
	parts := strings.Split("\n"+text, "\n"+nameMark)
	for _, part := range parts[1:] {
		name, body, _ := strings.Cut(part, "\n")
		name, body = strings.TrimSpace(name), strings.TrimSpace(body)
		if name == "" || body == "" {
			return nil, fmt.Errorf("queries/%s.sql: statement %q is empty", pkg, name)
		}
		if _, twice := queries[name]; twice {
			return nil, fmt.Errorf("queries/%s.sql: two statements are called %s", pkg, name)
		}
		queries[name] = Query{Name: pkg + "." + name, Text: strings.TrimSuffix(body, ";")}
	}
	if len(queries) == 0 {
		return nil, fmt.Errorf("queries/%s.sql: no statement", pkg)
	}
	return queries, nil
}
