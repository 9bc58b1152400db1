package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/menus/gsm7"
)

// robotSeed replays a robot that failed: go test ./cmd/nova -run Robot -robot.seed 7.
var robotSeed = flag.Uint64("robot.seed", 0, "seed of the one robot to run; 0 runs several")

const (
	robots         = 4
	robotDialogues = 150
	robotHops      = 12
)

// What robots dial and type: sense, nonsense and spite.
var (
	robotCallers = []string{"+12462501001", "+12462501002", "+12462501003", "+12462500011", "+12462500012", "+12462500001", "+12462509876", "+254722000111"}
	robotCodes   = []string{"*123#", "*123#", "*124#", "*123*1*2462501002*5#", "*123*9#", "*124*1*2462501001*20#", "*123*1*2*3*4*5*6*7*8*9#"}
	robotKeys    = []string{
		"0", "00", "98", "9", "1", "1", "1", "2", "2", "3", "4", "5", "6",
		"2462501001", "2462501002", "+1 246 250 1003", "100011", "100012", "500001",
		"5", "10", "20.50", "1,000", "0.01", "99999999999999999999", "-5", "1e3", "5*5", "",
		"1357", "1358", "1359", "2468", "2469", "2580", "1111", "8253", "8253", "7406",
		"Keisha", "Alleyne", "31121990", "901231-4567", "1990", "4567", "\x00\xff", "é€😀", strings.Repeat("7", 300), "'; drop table entries; --", "{receipt}",
	}
)

// TestRobots lets people with no plan dial at random, with hops delivered twice and clocks that jump. Whatever they do,
// every screen fits and offers a way out, and the books stay right.
func TestRobots(t *testing.T) {
	seeds := []uint64{*robotSeed}
	if *robotSeed == 0 {
		seeds = seeds[:0]
		for i := range uint64(robots) {
			seeds = append(seeds, i+1)
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t)
			r := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a replayable robot, not a secret
			for range robotDialogues {
				w.wander(r)
			}
			report, err := w.server.ledger.Check(t.Context())
			require.NoError(t, err)
			require.Empty(t, report.Breach)
			require.Greater(t, report.Postings, int64(10), "robots that move no money prove nothing")
		})
	}
}

// wander is one dialogue.
func (w *world) wander(r *rand.Rand) {
	screen := w.Dial(pick(r, robotCallers), pick(r, robotCodes))
	w.sound(screen)
	for range robotHops {
		if strings.HasPrefix(screen, "END ") || r.IntN(20) == 0 {
			break
		}
		before := len(w.inputs)
		screen = w.Key(w.robotAnswer(r, screen))
		w.sound(screen)
		if r.IntN(4) == 0 && len(w.inputs) > before {
			require.Equal(w.t, screen, w.Again(), "a hop delivered twice gets the same screen")
		}
	}
	w.Wait(time.Duration(r.IntN(400)) * time.Second)
}

// robotPINs are the demonstration's.
var robotPINs = map[string]string{
	"+12462501001": "1357", "+12462501002": "1358", "+12462501003": "1359",
	"+12462500011": "2468", "+12462500012": "2469", "+12462500001": "2580",
}

// robotAnswer often reads the screen, so that errands come to their end, and often does not.
func (w *world) robotAnswer(r *rand.Rand, screen string) string {
	if r.IntN(10) == 0 {
		return pick(r, robotKeys)
	}
	for _, hint := range []struct {
		word    string
		answers []string
	}{
		{"PIN", []string{robotPINs[w.caller], robotPINs[w.caller], robotPINs[w.caller], "8253"}},
		{"phone number", []string{"2462501001", "2462501002", "2462501003"}},
		{"amount", []string{"5", "10", "20.50"}},
		{"agent code", []string{"100011", "100012"}},
		{"till", []string{"500001"}},
		{"1 ", []string{"1", "1", "2", "3"}},
	} {
		if strings.Contains(screen, hint.word) {
			return pick(r, hint.answers)
		}
	}
	return pick(r, robotKeys)
}

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// sound proves what holds of every screen.
func (w *world) sound(screen string) {
	text, goesOn := strings.CutPrefix(screen, "CON ")
	if !goesOn {
		require.True(w.t, strings.HasPrefix(screen, "END "), "neither CON nor END: %q", screen)
		text = strings.TrimPrefix(screen, "END ")
	}
	require.True(w.t, gsm7.Default.Fits(text), "too long:\n%s", text)
	require.NotContains(w.t, text, "{", "a hole in a text")
	homes := strings.Contains(text, "Nova\n1 ") || strings.Contains(text, "1 Cash in\n") || strings.Contains(text, "1 Dépot\n") ||
		strings.Contains(text, "Welcome to Nova") || strings.Contains(text, "Bienvenue")
	if goesOn && !homes {
		require.True(w.t, strings.HasSuffix(text, "0 Back\n00 Home") || strings.HasSuffix(text, "0 Retour\n00 Accueil"), "no way out of\n%s", text)
	}
	require.NotContains(w.t, text, "Nova has a problem", "a failure of ours")
}
