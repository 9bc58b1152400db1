package sql_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/sql"
)

// held is a read that waits until the test lets it go on, and tells what it was asked for.
type held struct {
	asked chan []int
	goOn  chan error
}

func newHeld() *held { return &held{asked: make(chan []int), goOn: make(chan error)} }

// read knows every even number, as its double.
func (h *held) read(_ context.Context, keys []int) (map[int]int, error) {
	h.asked <- slices.Clone(keys)
	rows := map[int]int{}
	for _, k := range keys {
		if k%2 == 0 {
			rows[k] = 2 * k
		}
	}
	return rows, <-h.goOn
}

type answer struct {
	value int
	found bool
	err   error
}

func load(l *sql.Loader[int, int], key int) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		value, found, err := l.Load(context.Background(), key)
		out <- answer{value, found, err}
	}()
	return out
}

func TestLoneReadGoesAtOnce(t *testing.T) {
	h := newHeld()
	l := sql.NewLoader(h.read)
	got := load(l, 4)
	require.Equal(t, []int{4}, <-h.asked)
	h.goOn <- nil
	require.Equal(t, answer{value: 8, found: true}, <-got)
}

func TestKeysThatQueueAreReadTogetherAndOnce(t *testing.T) {
	h := newHeld()
	l := sql.NewLoader(h.read)
	first := load(l, 2)
	require.Equal(t, []int{2}, <-h.asked)
	var later []<-chan answer
	for _, key := range []int{4, 4, 5, 2} {
		later = append(later, load(l, key))
	}
	require.Eventually(t, func() bool { return sql.Queued(l) == 4 }, time.Minute, time.Millisecond)
	h.goOn <- nil
	require.Equal(t, answer{value: 4, found: true}, <-first)
	asked := <-h.asked
	slices.Sort(asked)
	require.Equal(t, []int{2, 4, 5}, asked, "key 2 is read again: its new caller may know of a change")
	h.goOn <- nil
	for i, want := range []answer{{value: 8, found: true}, {value: 8, found: true}, {}, {value: 4, found: true}} {
		require.Equal(t, want, <-later[i])
	}
}

func TestReadThatFailsFailsForItsCallersAndNobodyElse(t *testing.T) {
	h := newHeld()
	l := sql.NewLoader(h.read)
	broken := errors.New("broken")
	first := load(l, 2)
	<-h.asked
	h.goOn <- broken
	require.ErrorIs(t, (<-first).err, broken)
	second := load(l, 2)
	<-h.asked
	h.goOn <- nil
	require.NoError(t, (<-second).err)
}

func TestCallerWhoseTimeIsOverDoesNotWait(t *testing.T) {
	h := newHeld()
	l := sql.NewLoader(h.read)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, _, err := l.Load(ctx, 2)
		failed <- err
	}()
	<-h.asked
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	h.goOn <- nil
}

func TestManyCallersEachGetTheirOwn(t *testing.T) {
	l := sql.NewLoader(func(_ context.Context, keys []int) (map[int]int, error) {
		rows := map[int]int{}
		for _, k := range keys {
			rows[k] = -k
		}
		return rows, nil
	})
	var work sync.WaitGroup
	for n := range 1000 {
		work.Go(func() {
			value, found, err := l.Load(context.Background(), n)
			if value != -n || !found || err != nil {
				t.Errorf("Load(%d) = %d, %t, %v", n, value, found, err)
			}
		})
	}
	work.Wait()
}
