// Package menutest walks people through menus from plain-text scripts that a product owner can read and write: what
// is dialled and typed, and every screen to the letter. It knows no server; a World does the dialling.
//
// A walk is a file of lines:
//
//	# a comment
//	as     +12462501001           whose handset is used from here on
//	given  wallet 200.00          what the caller's wallet (float, commission, savings, owed) must hold before
//	dial   *123#                  a new dialogue
//	key    1                      an answer
//	again                         the last hop is delivered a second time
//	drop                          the network loses the dialogue
//	wait   11m                    the clock moves on
//	happen sim changed            somebody else does something to the caller: see World.Happen
//	> CON Nova                    the screen that came, line by line, to the letter
//	expect wallet 149.00          what is true afterwards
//	expect sms Sent BBD 50.00     the newest SMS to the caller begins so
//
// Screens are literal but for what differs each time: {receipt}, {code} and {ref} match one, and a later line may
// type {code}.
package menutest

import (
	"bufio"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"
)

// World is a server with its demo data, fresh for each walk.
type World interface {
	// Dial opens a dialogue and returns its first screen, "CON ..." or "END ...".
	Dial(caller, code string) string
	// Key answers the screen.
	Key(input string) string
	// Again delivers the last hop once more.
	Again() string
	// Drop ends the dialogue as a network does.
	Drop()
	// Wait moves the clock.
	Wait(d time.Duration)
	// Happen does to the caller what no handset does: their operator reports that their SIM was changed, say.
	Happen(caller, what string)
	// Holds returns what an account of the caller holds, in the handset's form: wallet, float, commission, savings, or
	// what they owe: owed.
	Holds(caller, account string) string
	// SMS returns the newest message to the caller.
	SMS(caller string) string
}

// Run walks every file of dir, each in a world of its own.
func Run(t *testing.T, dir fs.FS, world func(t *testing.T) World) {
	t.Helper()
	walks, err := fs.Glob(dir, "*.txt")
	if err != nil || len(walks) == 0 {
		t.Fatalf("no walks: %v", err)
	}
	for _, name := range walks {
		t.Run(strings.TrimSuffix(name, ".txt"), func(t *testing.T) {
			file, err := dir.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }() // only read
			w := &walk{t: t, world: world(t), name: name, seen: map[string]string{}}
			lines := bufio.NewScanner(file)
			for lines.Scan() {
				w.line++
				w.step(lines.Text())
			}
			w.check()
			if !w.screened {
				t.Fatalf("%s expects no screen", name)
			}
		})
	}
}

// walk is one file under way.
type walk struct {
	t        *testing.T
	world    World
	name     string
	line     int
	caller   string
	got      string
	want     []string
	pending  bool // a screen came that no line has been compared with
	screened bool
	seen     map[string]string // what placeholders matched
}

func (w *walk) step(line string) {
	line = strings.TrimRight(line, " \t")
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	if screen, ok := strings.CutPrefix(line, ">"); ok {
		w.want = append(w.want, strings.TrimPrefix(screen, " "))
		return
	}
	w.check()
	verb, rest, _ := strings.Cut(line, " ")
	rest = w.filled(strings.TrimSpace(rest))
	switch verb {
	case "as":
		w.caller = rest
	case "dial":
		w.screen(w.world.Dial(w.caller, rest))
	case "key":
		w.screen(w.world.Key(rest))
	case "again":
		w.screen(w.world.Again())
	case "drop":
		w.world.Drop()
	case "wait":
		w.wait(rest)
	case "happen":
		w.world.Happen(w.caller, rest)
	case "given", "expect":
		w.holds(rest)
	default:
		w.fail("what is %q?", verb)
	}
}

func (w *walk) screen(text string) { w.got, w.pending = text, true }

func (w *walk) wait(text string) {
	d, err := time.ParseDuration(text)
	if err != nil {
		w.fail("%v", err)
	}
	w.world.Wait(d)
}

func (w *walk) holds(text string) {
	what, want, _ := strings.Cut(text, " ")
	if what == "sms" {
		if got := w.world.SMS(w.caller); !w.matches(want, got, false) {
			w.fail("the newest SMS is\n%s\nwant\n%s", got, want)
		}
		return
	}
	if got := w.world.Holds(w.caller, what); got != want {
		w.fail("%s holds %s, want %s", what, got, want)
	}
}

// check compares the screen that came with the lines that expect it. A screen that nobody expects is passed over, so
// that a walk may hurry through what another walk proves.
func (w *walk) check() {
	if len(w.want) > 0 {
		want := strings.Join(w.want, "\n")
		if !w.pending || !w.matches(want, w.got, true) {
			w.fail("the screen is\n%s\nwant\n%s", w.got, want)
		}
		w.screened = true
	}
	w.want, w.pending = nil, false
}

// placeholders are what differs from walk to walk.
var placeholders = map[string]string{
	"receipt": `[0-9A-HJKMNP-TV-Z]{6,7}`, "code": `\d{3} \d{3}`, "ref": `[0-9A-Z]{6}`,
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func (w *walk) matches(want, got string, whole bool) bool {
	var names []string
	pattern := ""
	rest := want
	for {
		at := placeholder.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		name := rest[at[2]:at[3]]
		pattern += regexp.QuoteMeta(rest[:at[0]]) + "(" + placeholders[name] + ")"
		names = append(names, name)
		rest = rest[at[1]:]
	}
	pattern = "^" + pattern + regexp.QuoteMeta(rest)
	if whole {
		pattern += "$"
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(got)
	for i, name := range names {
		if found != nil {
			w.seen[name] = found[i+1]
		}
	}
	return found != nil
}

// filled types what an earlier screen showed.
func (w *walk) filled(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		return strings.ReplaceAll(w.seen[strings.Trim(name, "{}")], " ", "")
	})
}

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s:%d: %s", w.name, w.line, fmt.Sprintf(format, args...))
}
