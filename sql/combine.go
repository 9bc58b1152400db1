package sql

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var parameter = regexp.MustCompile(`\$([0-9]+)`)

// Combine makes one statement, and so one round trip, of several writes (each one insert, update or delete without
// a with or a returning of its own). The arguments are those of the parts, one after another; the answer is one row
// with one array: how many rows each part touched. All parts see the same snapshot, so none may build on what
// another writes.
func Combine(name string, parts ...Query) Query {
	var with, counts strings.Builder
	offset := 0
	for i, part := range parts {
		if i > 0 {
			with.WriteString(",\n")
			counts.WriteString(", ")
		}
		text, highest := shifted(part.Text, offset)
		offset += highest
		fmt.Fprintf(&with, "part_%d as (\n%s\nreturning 1)", i, text)
		fmt.Fprintf(&counts, "(select count(*) from part_%d)", i)
	}
	return Query{Name: name, Text: "with " + with.String() + "\nselect array[" + counts.String() + "]"}
}

// Beside makes one statement, and so one round trip, of two reads that answer with one row each: their columns stand
// side by side. The arguments are those of the first and then those of the second. What both lock, the first locks
// first.
func Beside(name string, first, second Query) Query {
	one, highest := shifted(first.Text, 0)
	two, _ := shifted(second.Text, highest)
	return Query{Name: name, Text: "select * from (\n" + one + "\n) as first cross join (\n" + two + "\n) as second"}
}

// shifted renumbers the parameters of a statement and tells the highest number it had.
func shifted(text string, offset int) (string, int) {
	highest := 0
	text = parameter.ReplaceAllStringFunc(text, func(mark string) string {
		n, err := strconv.Atoi(mark[1:])
		if err != nil {
			panic("sql: parameter " + mark) // the pattern only matches digits
		}
		highest = max(highest, n)
		return "$" + strconv.Itoa(n+offset)
	})
	return text, highest
}
