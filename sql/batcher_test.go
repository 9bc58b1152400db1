package sql_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/sql"
)

// gate is a flush that waits until the test lets it go on.
type gate struct {
	batches chan []int
	goOn    chan struct{}
}

func newGate() *gate { return &gate{batches: make(chan []int), goOn: make(chan struct{})} }

func (g *gate) flush(batch []int) {
	g.batches <- batch
	<-g.goOn
}

func TestBatchIsWhatQueuedWhileTheLastOneRan(t *testing.T) {
	g := newGate()
	b := sql.NewBatcher(3, 10, g.flush)
	require.NoError(t, b.Add(1))
	require.Equal(t, []int{1}, <-g.batches, "a lone item goes at once")
	for i := 2; i <= 5; i++ {
		require.NoError(t, b.Add(i))
	}
	require.Equal(t, 4, b.Waiting())
	g.goOn <- struct{}{}
	require.Equal(t, []int{2, 3, 4}, <-g.batches, "no more than a batch may hold")
	g.goOn <- struct{}{}
	require.Equal(t, []int{5}, <-g.batches)
	g.goOn <- struct{}{}
	require.NoError(t, b.Close(t.Context()))
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	g := newGate()
	b := sql.NewBatcher(1, 2, g.flush)
	require.NoError(t, b.Add(1))
	<-g.batches
	require.NoError(t, b.Add(2))
	require.NoError(t, b.Add(3))
	require.ErrorIs(t, b.Add(4), sql.ErrBatcherFull)
	go func() {
		for range g.batches {
			g.goOn <- struct{}{}
		}
	}()
	g.goOn <- struct{}{}
	require.NoError(t, b.Close(t.Context()))
}

func TestCloseFlushesWhatWaitsAndTakesNothingMore(t *testing.T) {
	g := newGate()
	b := sql.NewBatcher(10, 10, g.flush)
	require.NoError(t, b.Add(1))
	<-g.batches
	require.NoError(t, b.Add(2))
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.Close(short), context.DeadlineExceeded, "a flush that hangs does not hang its closer")
	require.ErrorIs(t, b.Add(3), sql.ErrBatcherClosed)
	g.goOn <- struct{}{}
	require.Equal(t, []int{2}, <-g.batches)
	g.goOn <- struct{}{}
	require.NoError(t, b.Close(t.Context()))
}

func TestEveryItemIsFlushedOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]int{}
	b := sql.NewBatcher(7, 10_000, func(batch []int) {
		mu.Lock()
		defer mu.Unlock()
		for _, item := range batch {
			seen[item]++
		}
	})
	var work sync.WaitGroup
	for n := range 1000 {
		work.Go(func() {
			if err := b.Add(n); err != nil {
				t.Errorf("add %d: %v", n, err)
			}
		})
	}
	work.Wait()
	require.NoError(t, b.Close(t.Context()))
	require.Len(t, seen, 1000)
	for item, times := range seen {
		require.Equal(t, 1, times, item)
	}
}
