package sessions_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/sessions"
	"nova/sessions/redistest"
)

// TestHopsThatTravelTogetherKeepTheirOwn: many dialogues at once, each of which must find what it left.
func TestHopsThatTravelTogetherKeepTheirOwn(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	const dialogues, hops = 200, 10
	var work sync.WaitGroup
	for n := range dialogues {
		mine := sessions.Key{Gateway: "africastalking", ID: fmt.Sprintf("session-%d", n)}
		work.Go(func() {
			for hop := range hops {
				if err := once(s, mine, hop); err != nil {
					t.Errorf("dialogue %d, hop %d: %v", n, hop, err)
				}
			}
		})
	}
	work.Wait()
}

// once is a hop that checks that it follows the one before, on the session and on the resume pointer alike.
func once(s *sessions.Store, key sessions.Key, hop int) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	l, err := s.Load(ctx, key, marcia, hop%2 == 0)
	if err != nil {
		return err
	}
	next := l.Session
	if next == nil {
		next = &sessions.Session{Menu: key.ID}
	}
	if next.Hop != hop || next.Menu != key.ID {
		return fmt.Errorf("found hop %d of %s", next.Hop, next.Menu)
	}
	next.Hop++
	winner, err := s.Save(ctx, key, l, next, unfinished(), time.Minute)
	if err == nil && winner != nil {
		err = fmt.Errorf("lost to hop %d", winner.Hop)
	}
	return err
}

// TestHopThatGivesUpLeavesTheOthersAlone: commands of a caller who went away still travel, and harm nobody.
func TestHopThatGivesUpLeavesTheOthersAlone(t *testing.T) {
	s := open(t, redistest.Start(t).URL(), sessions.Options{})
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	var work sync.WaitGroup
	for n := range 100 {
		work.Go(func() {
			mine := sessions.Key{Gateway: "africastalking", ID: fmt.Sprintf("session-%d", n)}
			if n%2 == 0 {
				// Both may be ready at once: then the answer is as good as the refusal.
				if _, err := s.Load(gone, mine, marcia, true); err != nil && !fault.Is(err, fault.ServiceUnavailable) {
					t.Errorf("Load after the deadline: %v", err)
				}
				return
			}
			if err := once(s, mine, 0); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	require.NoError(t, once(s, key, 0))
}
