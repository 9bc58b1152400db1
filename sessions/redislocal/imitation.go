package redislocal

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is how often the imitation's clock moves on; it does not run by itself.
const tick = time.Second

// imitation is a Redis server inside this process.
type imitation struct {
	server   *miniredis.Miniredis
	password string
	quit     chan struct{}
	gone     sync.WaitGroup
}

// imitated starts the imitation, on a port and behind a password of its own.
func imitated() (*Server, error) {
	m := &imitation{server: miniredis.NewMiniRedis(), password: rand.Text(), quit: make(chan struct{})}
	m.server.RequireAuth(m.password)
	if err := m.server.Start(); err != nil {
		return nil, fmt.Errorf("start the imitation of redis: %w", err)
	}
	m.gone.Go(m.run)
	return &Server{imitation: m}, nil
}

// run moves the clock, so that keys expire.
func (m *imitation) run() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-m.quit:
			return
		case <-t.C:
			m.server.FastForward(tick)
		}
	}
}

func (m *imitation) url() string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("default", m.password), Host: m.server.Addr(), Path: "/0"}
	return u.String()
}

func (m *imitation) stop() {
	close(m.quit)
	m.gone.Wait()
	m.server.Close()
}
