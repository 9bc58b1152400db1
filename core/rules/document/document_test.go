package document_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/money"
	"nova/core/rules/document"
)

// read takes a document apart as a rule book would, with one field of each sort.
func read(text string) (r *document.Reader, got sample) {
	r = &document.Reader{}
	root := r.Root([]byte(text), "currency", "name", "word", "words", "count", "amount", "moment", "part", "parts")
	got.currency = r.Currency(root, "currency")
	got.name = r.Text(root, "name")
	got.word = document.Word(r, root, "word", words)
	got.words = document.Words(r, root, "words", words)
	got.count = r.Integer(root, "count", 1, 9)
	got.amount = r.Amount(root, "amount", got.currency)
	got.moment = r.Moment(root, "moment")
	got.part = r.Text(r.Object(root, "part", "name"), "name")
	for _, o := range r.Objects(root, "parts", "name") {
		got.parts = append(got.parts, r.Text(o, "name"))
	}
	return r, got
}

type sample struct {
	currency   money.Currency
	name, word string
	words      []string
	count      int64
	amount     money.Amount
	moment     time.Time
	part       string
	parts      []string
}

var words = []string{"red", "green"}

const good = `currency: KES
name: all
word: red
words: [red, green]
count: 9
amount: "1.50"
moment: "2026-12-01T00:00:00-04:00"
part: { name: one }
parts: [{ name: two }, { name: three }]
`

func TestRead(t *testing.T) {
	r, got := read(good)
	require.NoError(t, r.Err("samples"))
	require.Equal(t, sample{
		currency: money.KES, name: "all", word: "red", words: []string{"red", "green"}, count: 9,
		amount: money.Of(1_50, money.KES), moment: time.Date(2026, time.December, 1, 4, 0, 0, 0, time.UTC),
		part: "one", parts: []string{"two", "three"},
	}, got)
}

func TestFaults(t *testing.T) {
	line := func(old, changed string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, changed, 1)
	}
	cases := []struct {
		name, text, want string
	}{
		{"nothing", "", "document: is not a mapping"},
		{"no YAML", "a: b\nc: [d", `document: is not YAML in line 2`},
		{"a field twice", good + "name: again\n", "document: is not YAML in line 10"},
		{"another document", good + "---\na: b\n", "document: is followed by another"},
		{"an anchor", line("name: all", "name: &a all"), "document: has an anchor or an alias"},
		{"an alias", line("word: red", "word: *a"), "document: has an anchor or an alias"},
		{"a NUL", good + "#\x00", "document: is not plain text"},
		{"no encoding", good + "#\xff", "document: is not plain text"},
		{"too large", good + strings.Repeat("#\n", document.MaxSize/2), "document: is larger than 65536 bytes"},
		{"a field that is none", good + "colour: red\n", "colour: is not a field here: there are currency, name"},
		{"a field that is missing", line("name: all\n", ""), "name: is missing"},
		{"a number for a text", line("name: all", "name: 1"), "name: is not text in quotes"},
		{"an empty text", line("name: all", `name: ""`), "name: is not text in quotes"},
		{"another word", line("word: red", "word: blue"), `word: is none of red, green: "blue"`},
		{"another word among words", line("[red, green]", "[red, blue]"), `words[1]: is none of red, green: "blue"`},
		{"a number among words", line("[red, green]", "[1]"), "words[0]: is not a word"},
		{"no words", line("[red, green]", "[]"), "words: is not a list of at least one"},
		{"a count too small", line("count: 9", "count: 0"), `count: is not between 1 and 9: "0"`},
		{"a count too large", line("count: 9", "count: 10"), `count: is not between 1 and 9: "10"`},
		{"a count beyond numbers", line("count: 9", "count: 18446744073709551615"), "count: is not a whole number"},
		{"half a count", line("count: 9", "count: 1.5"), "count: is not a whole number"},
		{"a negative amount", line(`"1.50"`, `"-1.50"`), `amount: is no amount of KES: "-1.50"`},
		{"an amount that is a number", line(`"1.50"`, `1.50`), `amount: is not text in quotes`},
		{"a date for a moment", line("T00:00:00-04:00", ""), `moment: is not a time as 2026-01-01T00:00:00-04:00: "2026-12-01"`},
		{"an unknown currency", line("KES", "XXX"), `currency: is not known: "XXX"`},
		{"a part that is none", line("{ name: one }", "one"), "part: is not a mapping"},
		{"a part without its field", line("{ name: one }", "{}"), "part.name: is missing"},
		{"a part among parts that is none", line("{ name: three }", "three"), "parts[1]: is not a mapping"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, _ := read(c.text)
			err := r.Err("samples")
			var faults document.Faults
			require.ErrorAs(t, err, &faults)
			require.Len(t, faults, 1, "%v", err)
			require.True(t, strings.HasPrefix(err.Error(), "read samples: "+c.want), "%v", err)
		})
	}
}

// TestFieldsTellNoValues: they go to callers.
func TestFieldsTellNoValues(t *testing.T) {
	r, _ := read(strings.NewReplacer("word: red", "word: secret1", `"1.50"`, `"secret2"`, "name: all", "name: all: secret3").Replace(good))
	var faults document.Faults
	require.ErrorAs(t, r.Err("samples"), &faults)
	require.NotContains(t, fmt.Sprint(faults.Fields()), "secret")
	r, _ = read(strings.NewReplacer("word: red", "word: secret1", `"1.50"`, `"secret2"`).Replace(good))
	require.ErrorAs(t, r.Err("samples"), &faults)
	require.Equal(t, map[string]string{"word": "is none of red, green", "amount": "is no amount of KES"}, faults.Fields())
	require.ErrorContains(t, faults, "secret1")
}

func TestFaultsHaveALimit(t *testing.T) {
	text := good
	for i := range 500 {
		text += fmt.Sprintf("unknown%d: 1\n", i)
	}
	r, _ := read(text)
	var faults document.Faults
	require.ErrorAs(t, r.Err("samples"), &faults)
	require.Len(t, faults, 100)
}
