package sql

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/lib/pq"
)

var parameter = regexp.MustCompile(`\$([0-9]+)`)

// Part is one write of a combined statement: an insert, update or delete without a with or a returning of its own.
type Part struct {
	Query
	// Exact parts must touch as many rows as the statement is told.
	Exact bool
}

// Combine makes one statement, and so one round trip, of several writes, which run in their order. The arguments are
// those of the parts, one after another, and then an array of how many rows each part must touch, with 0 for those
// that are not Exact. Where one touches more or fewer, the whole statement fails, whether or not it stands in a
// transaction, and Moved tells so. All parts see the same snapshot, so none may build on what another writes.
func Combine(name string, parts ...Part) Query {
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
		count := "count(*)"
		if !part.Exact {
			count = "0 * count(*)" // asked for all the same: that is what runs the parts in their order
		}
		fmt.Fprintf(&counts, "(select %s from part_%d)", count, i)
	}
	// A statement has no other way to fail on a condition than to divide by nought.
	return Query{Name: name, Text: fmt.Sprintf("with %s\nselect 1 / (array[%s] = $%d::bigint[])::int", &with, &counts, offset+1)}
}

// Moved tells that a combined statement met other rows than it was told of, and changed nothing.
func Moved(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code.Name() == divisionByZero
}

// Beside makes one statement, and so one round trip, of two reads that answer with one row each: their columns stand
// side by side. The arguments are those of the first and then those of the second. What both lock, the first locks
// first.
func Beside(name string, first, second Query) Query {
	one, highest := shifted(first.Text, 0)
	two, _ := shifted(second.Text, highest)
	return Query{Name: name, Text: "select * from (\n" + one + "\n) as first cross join (\n" + two + "\n) as second"}
}

var locking = regexp.MustCompile(`\bfor (no key )?update\b`)

// Unlocked makes of a read that locks its rows one that only reads them, the same way: the locks keep the planner
// from turning the look-ups of subqueries into joins of tables, and "offset 0" does so in their place.
func Unlocked(q Query) Query {
	return Query{Name: q.Name, Text: locking.ReplaceAllString(q.Text, "offset 0")}
}

// Writing makes one statement, and so one round trip, of a write (see Part) and a read that sees nothing of it. The
// arguments are those of the write and then those of the read.
func Writing(name string, write, read Query) Query {
	one, highest := shifted(write.Text, 0)
	two, _ := shifted(read.Text, highest)
	return Query{Name: name, Text: "with written as (\n" + one + "\nreturning 1)\nselect * from (\n" + two + "\n) as read"}
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
