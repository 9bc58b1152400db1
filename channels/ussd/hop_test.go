package ussd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/channels/ussd"
	"nova/core/fault"
	"nova/menus"
	"nova/sessions"
)

const pin = "135724"

func home(t testing.TB, r sessions.Reply) {
	t.Helper()
	require.Equal(t, sessions.Reply{Text: "Nova\n1 Send money"}, r)
}

func dialAgain(t testing.TB, r sessions.Reply) {
	t.Helper()
	require.Equal(t, sessions.Reply{Text: "Please dial again.", End: true}, r)
}

// sorry returns the reference, which must be in the log.
func sorry(t testing.TB, r *rig, reply sessions.Reply) {
	t.Helper()
	_, ref, ok := strings.Cut(reply.Text, "Sorry, try later. Ref ")
	require.True(t, ok && reply.End, "%q", reply.Text)
	require.Contains(t, r.logs.String(), ref)
}

func TestSameInputIsTheSameHopWithinTheRepeatWindow(t *testing.T) {
	r := newRig(t, nil)
	r.hop(ussd.Begin, "")
	wrong := r.hop(ussd.Continue, "7")
	r.clock.Advance(time.Second)
	require.Equal(t, wrong, r.hop(ussd.Continue, "7"), "a second later it is delivered again")
	r.clock.Advance(time.Second + time.Microsecond)
	s, err := r.store.Load(context.Background(), sessions.Key{Gateway: gateway, ID: "s1"}, marcia, false)
	require.NoError(t, err)
	require.Equal(t, 2, s.Session.Hop)
	r.hop(ussd.Continue, "7")
	s, err = r.store.Load(context.Background(), sessions.Key{Gateway: gateway, ID: "s1"}, marcia, false)
	require.NoError(t, err)
	require.Equal(t, 3, s.Session.Hop, "later it was typed again")
}

func TestSameSequenceIsTheSameHop(t *testing.T) {
	r := newRig(t, nil)
	seq := func(n int) func(*ussd.Request) { return func(q *ussd.Request) { q.Seq = n } }
	r.hop(ussd.Begin, "", seq(1))
	number := r.hop(ussd.Continue, "1", seq(2))
	require.Contains(t, number.Text, "Enter number")
	r.pass()
	require.Equal(t, number, r.hop(ussd.Continue, "1", seq(2)), "again, however late")
	require.Equal(t, number, r.hop(ussd.Continue, "", seq(1)), "an older one")
	require.Contains(t, r.hop(ussd.Continue, "1", seq(3)).Text, "Wrong number", "the same digit typed twice")
	require.Contains(t, r.hop(ussd.Continue, "2462501002", seq(9)).Text, "Enter amount", "a counter may skip")
}

func TestIDsThatRecycle(t *testing.T) {
	recycles := func(t *ussd.Terms) { t.RecyclesIDs = true }
	t.Run("an identical begin within 5 s is the same begin", func(t *testing.T) {
		r := newRig(t, recycles)
		r.hop(ussd.Begin, "")
		number := r.hop(ussd.Continue, "1")
		r.clock.Advance(5 * time.Second)
		require.Equal(t, number, r.hop(ussd.Begin, ""), "the screen last shown")
	})
	t.Run("a later one is a new dialogue", func(t *testing.T) {
		r := newRig(t, recycles)
		r.hop(ussd.Begin, "")
		r.hop(ussd.Continue, "1")
		r.clock.Advance(5*time.Second + time.Microsecond)
		home(t, r.hop(ussd.Begin, ""))
	})
	t.Run("another dial within 5 s is a new dialogue", func(t *testing.T) {
		r := newRig(t, recycles)
		r.hop(ussd.Begin, "")
		r.hop(ussd.Continue, "1")
		home(t, r.hop(ussd.Begin, "", func(q *ussd.Request) { q.ShortCode = "*124#" }))
	})
	t.Run("another caller's begin is a new dialogue, and only that", func(t *testing.T) {
		r := newRig(t, recycles)
		other := func(q *ussd.Request) { q.MSISDN = andre }
		asked := r.toPIN(t)
		refusal := r.hop(ussd.Continue, pin, other)
		sorry(t, r, refusal)
		require.NotContains(t, refusal.Text, asked.Text)
		home(t, r.hop(ussd.Begin, "", other))
		sorry(t, r, r.hop(ussd.Continue, pin))
		require.Zero(t, r.menu.Moves(t))
	})
	t.Run("elsewhere a begin never restarts a dialogue", func(t *testing.T) {
		r := newRig(t, nil)
		asked := r.toPIN(t)
		r.clock.Advance(time.Minute)
		require.Equal(t, asked, r.hop(ussd.Begin, ""))
		sorry(t, r, r.hop(ussd.Begin, "", func(q *ussd.Request) { q.MSISDN = andre }))
	})
}

func TestNetworkEndsADialogueAndNothingMoves(t *testing.T) {
	for _, phase := range []ussd.Phase{ussd.Cancel, ussd.Timeout, ussd.Ended} {
		t.Run(phase.String(), func(t *testing.T) {
			r := newRig(t, nil)
			dialAgain(t, r.hop(phase, ""))
			r.toPIN(t)
			dialAgain(t, r.hop(phase, pin))
			dialAgain(t, r.hop(phase, pin))
			dialAgain(t, r.hop(ussd.Continue, pin))
			require.Zero(t, r.menu.Moves(t))
		})
	}
}

func TestHopInFlightKeepsItsWordWhenTheNetworkEndsTheDialogue(t *testing.T) {
	r := newRig(t, nil)
	r.toPIN(t)
	r.menu.input = func(context.Context, *sessions.Session, string) *menus.Outcome {
		r.menu.input = nil
		r.hop(ussd.Timeout, "")
		return nil
	}
	require.Contains(t, r.hop(ussd.Continue, pin).Text, "Sent BBD 50.00", "only this reply tells that money moved")
	require.Equal(t, 1, r.menu.Moves(t))
	dialAgain(t, r.hop(ussd.Continue, pin))
}

func TestLoserOfTwoCopiesAnswersTheWinnersScreen(t *testing.T) {
	r := newRig(t, nil)
	r.toPIN(t)
	var winner sessions.Reply
	r.menu.input = func(context.Context, *sessions.Session, string) *menus.Outcome {
		r.menu.input = nil
		winner = r.hop(ussd.Continue, pin)
		return &menus.Outcome{Reply: sessions.Reply{Text: "the loser's own"}}
	}
	loser := r.hop(ussd.Continue, pin)
	require.Contains(t, winner.Text, "Sent")
	require.Equal(t, winner, loser)
}

// TestHopThatMovedMoneyIsToldEvenIfAnotherInputWasFirst: a copy would have the same words; another input of the same
// screen, sent at once, must not hide that money moved.
func TestHopThatMovedMoneyIsToldEvenIfAnotherInputWasFirst(t *testing.T) {
	r := newRig(t, nil)
	r.toPIN(t)
	r.menu.input = func(context.Context, *sessions.Session, string) *menus.Outcome {
		r.menu.input = nil
		r.hop(ussd.Continue, "12")
		return &menus.Outcome{Reply: sessions.Reply{Text: "Sent", End: true}, Moved: true}
	}
	require.Equal(t, sessions.Reply{Text: "Sent", End: true}, r.hop(ussd.Continue, pin))
}

func TestPanicIsAPoliteEndAndTheInputStaysOutOfTheLog(t *testing.T) {
	r := newRig(t, nil)
	r.toPIN(t)
	r.menu.input = func(_ context.Context, _ *sessions.Session, input string) *menus.Outcome {
		panic(fmt.Sprintf("no such thing as %s", input))
	}
	reply := r.hop(ussd.Continue, pin)
	sorry(t, r, reply)
	require.Contains(t, r.logs.String(), "no such thing as [input]")
	require.NotContains(t, r.logs.String(), pin)
	require.Equal(t, reply, r.hop(ussd.Continue, pin), "delivered again")
	r.pass()
	dialAgain(t, r.hop(ussd.Continue, "1"))
}

func TestSaveThatFails(t *testing.T) {
	breaks := func(r *rig, out *menus.Outcome) {
		r.menu.input = func(context.Context, *sessions.Session, string) *menus.Outcome {
			r.redis.SetError("LOADING")
			return out
		}
	}
	t.Run("a last screen is shown all the same", func(t *testing.T) {
		r := newRig(t, nil)
		r.toPIN(t)
		breaks(r, nil)
		require.Contains(t, r.hop(ussd.Continue, pin).Text, "Sent BBD 50.00")
		require.Contains(t, r.logs.String(), `"level":"ERROR"`)
		r.redis.SetError("")
		require.Contains(t, r.hop(ussd.Continue, pin).Text, "Sent BBD 50.00")
		require.Equal(t, 1, r.menu.Moves(t), "the hop is done again and its effect is not")
	})
	t.Run("another would ask for what nobody understands", func(t *testing.T) {
		r := newRig(t, nil)
		r.hop(ussd.Begin, "")
		breaks(r, nil)
		sorry(t, r, r.hop(ussd.Continue, "1"))
	})
}

func TestGatewayVouchesForItsOwnAlone(t *testing.T) {
	only := func(t *ussd.Terms) { t.Countries, t.Networks = []string{"254", "1246"}, []string{"Digicel"} }
	for name, test := range map[string]struct {
		number, network, code string
		served                bool
	}{
		"its country and network":         {"12462501001", "digicel", "*123#", true},
		"another country":                 {"12472501001", "digicel", "*123#", false},
		"another network":                 {"12462501001", "flow", "*123#", false},
		"no network":                      {"12462501001", "", "*123#", false},
		"another code":                    {"12462501001", "digicel", "*125#", false},
		"a code that ours only begins":    {"12462501001", "digicel", "*1234#", false},
		"digits of a country inside only": {"99254250100", "digicel", "*123#", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, only)
			reply := r.hop(ussd.Begin, "", func(q *ussd.Request) {
				q.MSISDN, q.Network, q.ShortCode = caller(test.number), test.network, test.code
			})
			if test.served {
				home(t, reply)
				return
			}
			sorry(t, r, reply)
			require.NotContains(t, r.logs.String(), `"level":"ERROR"`, "nothing is broken")
		})
	}
}

func TestShortCodeOpensItsHomeAndTheRestIsDialledAhead(t *testing.T) {
	for name, test := range map[string]struct {
		edit  func(*ussd.Request)
		root  menus.Root
		ahead []string
	}{
		"plain":                         {func(q *ussd.Request) {}, menus.CustomerRoot, nil},
		"the longest code wins":         {func(q *ussd.Request) { q.ShortCode = "*123*7*1#" }, menus.AgentRoot, []string{"1"}},
		"a part of a number is no code": {func(q *ussd.Request) { q.ShortCode = "*123*71#" }, menus.CustomerRoot, []string{"71"}},
		"without star and hash":         {func(q *ussd.Request) { q.ShortCode = "124" }, menus.AgentRoot, nil},
		"blank inputs stay":             {func(q *ussd.Request) { q.ShortCode = "*123**1*#" }, menus.CustomerRoot, []string{"", "1", ""}},
		"the dialled string beside the code": {
			func(q *ussd.Request) { q.ShortCode, q.Dialled = "*124#", "*123*1*2462501002#" }, menus.CustomerRoot, []string{"1", "2462501002"},
		},
		"a begin's own text": {
			func(q *ussd.Request) { q.Input = "1*2" }, menus.CustomerRoot, []string{"1", "2"},
		},
		"the cumulative text of a session that nobody knows": {
			func(q *ussd.Request) { q.Phase, q.Whole, q.Input = ussd.Continue, true, "1*2" }, menus.CustomerRoot, []string{"1", "2"},
		},
		"the route's home": {func(q *ussd.Request) { q.Root = menus.AgentRoot }, menus.AgentRoot, nil},
		"made safe":        {func(q *ussd.Request) { q.Input = "\x00 1\n*\xff2" }, menus.CustomerRoot, []string{"1", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.hop(ussd.Begin, "", test.edit)
			require.Equal(t, test.root, r.menu.begun.dial.Root)
			require.Equal(t, test.ahead, r.menu.begun.ahead)
		})
	}
}

func TestMoreInputsThanHandsetsDial(t *testing.T) {
	r := newRig(t, nil)
	dialAgain(t, r.hop(ussd.Begin, strings.Repeat("1*", 20)))
}

func TestWhatWaitsIsReadWithABegin(t *testing.T) {
	r := newRig(t, nil)
	waits := &sessions.Resume{Flow: "send", At: morning}
	r.hop(ussd.Begin, "")
	require.Nil(t, r.menu.begun.resume)
	r.menu.input = func(context.Context, *sessions.Session, string) *menus.Outcome {
		return &menus.Outcome{Reply: sessions.Reply{Text: "dropped", End: true}, Resume: waits}
	}
	r.hop(ussd.Continue, "1")
	r.hop(ussd.Begin, "", func(q *ussd.Request) { q.SessionID = "s2" })
	require.Equal(t, waits, r.menu.begun.resume)
	r.hop(ussd.Continue, "1", func(q *ussd.Request) { q.SessionID, q.Whole = "s3", true })
	require.Equal(t, waits, r.menu.begun.resume, "a cumulative first text")
}

func TestDialogueThatGoesInCirclesEnds(t *testing.T) {
	r := newRig(t, nil)
	reply := r.hop(ussd.Begin, "")
	hops := 1
	for ; !reply.End && hops < 500; hops++ {
		r.pass()
		reply = r.hop(ussd.Continue, "7")
	}
	dialAgain(t, reply)
	require.Equal(t, 101, hops)
}

func TestInputIsCutWhereNoHandsetTypesOn(t *testing.T) {
	r := newRig(t, nil)
	r.hop(ussd.Begin, "")
	r.menu.input = func(_ context.Context, _ *sessions.Session, input string) *menus.Outcome {
		require.Len(t, input, 181, "the last character would be cut in two")
		return nil
	}
	r.hop(ussd.Continue, strings.Repeat("7", 181)+"é7")
	sorry(t, r, r.hop(ussd.Continue, strings.Repeat("1*", 3000), func(q *ussd.Request) { q.Whole = true }))
}

func TestMenusHaveLessTimeThanTheGateway(t *testing.T) {
	r := newRig(t, func(t *ussd.Terms) { t.Deadline = 10 * time.Second })
	r.hop(ussd.Begin, "")
	r.menu.input = func(ctx context.Context, _ *sessions.Session, _ string) *menus.Outcome {
		until, ok := ctx.Deadline()
		require.True(t, ok)
		require.Less(t, time.Until(until), 9*time.Second)
		require.Greater(t, time.Until(until), 5*time.Second)
		return nil
	}
	require.Contains(t, r.hop(ussd.Continue, "1").Text, "Enter number")
}

func TestSessionIsKeptAsLongAsTheGatewayMayBeSilent(t *testing.T) {
	r := newRig(t, func(t *ussd.Terms) { t.TTL = 90 * time.Second })
	r.hop(ussd.Begin, "")
	require.Equal(t, 90*time.Second, r.redis.TTL("{demo:s1}"))
	r.redis.FastForward(91 * time.Second)
	dialAgain(t, r.hop(ussd.Continue, "1"))
}

func TestRequestPrintsNothingOfWhatWasTyped(t *testing.T) {
	q := ussd.Request{Gateway: gateway, MSISDN: marcia, RawMSISDN: "+12462501001", Input: pin}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "request of demo", fmt.Sprintf(verb, q))
	}
}

func TestSessionIDThatHoldsTheNumberStandsInNoLog(t *testing.T) {
	r := newRig(t, nil)
	home(t, r.hop(ussd.Begin, "", func(q *ussd.Request) { q.SessionID = "246-2501001" + "/2501001" }))
	sorry(t, r, r.hop(ussd.Begin, "", func(q *ussd.Request) { q.SessionID = strings.Repeat("x", 129) }))
	require.NotContains(t, r.logs.String(), "2501001")
	require.NotContains(t, r.logs.String(), "xxx")
}

func TestUnknownGatewayIsAPoliteEnd(t *testing.T) {
	r := newRig(t, nil)
	sorry(t, r, r.hop(ussd.Begin, "", func(q *ussd.Request) { q.Gateway = "elsewhere" }))
}

func TestEngineFailureIsLoggedAsOursAndADeclineIsNot(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		level string
	}{
		"declined":    {fault.New(fault.InsufficientFunds, "x"), "INFO"},
		"unavailable": {fault.New(fault.ServiceUnavailable, "x"), "ERROR"},
		"unexplained": {errors.New("x"), "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.hop(ussd.Begin, "")
			r.menu.input = func(context.Context, *sessions.Session, string) *menus.Outcome {
				return &menus.Outcome{Reply: sessions.Reply{Text: "words"}, Err: test.err}
			}
			require.Equal(t, "words", r.hop(ussd.Continue, "1").Text)
			lines := strings.Split(strings.TrimSpace(r.logs.String()), "\n")
			require.Len(t, lines, 2, "one line a hop")
			require.Contains(t, lines[1], `"level":"`+test.level+`"`)
		})
	}
}

func TestTermsAreCheckedAllAtOnce(t *testing.T) {
	r := newRig(t, nil)
	_, err := ussd.New(ussd.Options{
		Engine: r.menu, Sessions: r.store, Hash: hasher{}, Clock: r.clock, Log: nil,
	})
	require.Error(t, err)
	_, err = ussd.New(ussd.Options{
		Engine: r.menu, Sessions: r.store, Hash: hasher{}, Clock: r.clock, Log: discard,
		Gateways: []ussd.Terms{
			{Name: "Bad Name", Codes: map[string]menus.Root{"*12a#": menus.CustomerRoot}, Deadline: time.Millisecond, TTL: -1},
			{Name: "twice", Codes: map[string]menus.Root{"*1#": "a", "1": "b"}, Countries: []string{"+1"}},
		},
	})
	for _, part := range []string{"lower-case", "*12a#", "deadline", "negative", "no countries", "stands twice", `"+1"`} {
		require.ErrorContains(t, err, part)
	}
}

// TestCumulativeTextIsReadAsItWasTyped: whatever is typed, stars and blanks included,
// and however often a hop comes again, the menus get each input once and whole.
func TestCumulativeTextIsReadAsItWasTyped(t *testing.T) {
	r := newRig(t, nil)
	dialogues := 0
	rapid.Check(t, func(t *rapid.T) {
		var got []string
		r.menu.input = func(_ context.Context, _ *sessions.Session, input string) *menus.Outcome {
			got = append(got, input)
			return &menus.Outcome{Reply: sessions.Reply{Text: "and then?"}}
		}
		dialogues++
		text := ""
		tell := func() {
			for range rapid.IntRange(1, 3).Draw(t, "deliveries") {
				r.hop(ussd.Continue, text, func(q *ussd.Request) {
					q.SessionID, q.Whole = fmt.Sprint("c", dialogues), true
				})
			}
		}
		tell()
		typed := rapid.SliceOfN(rapid.StringMatching(`[0-9a-z*]{0,6}`), 1, 8).Draw(t, "typed")
		typed[0] = "1" // the first screen is a menu; a star in its answer would be the gateway's
		for i, input := range typed {
			if i > 0 {
				text += "*"
			}
			text += input
			tell()
		}
		require.Equal(t, typed, got)
	})
}
