package web

import (
	"net/http"
	"net/http/pprof"
	"time"
)

const (
	// adminHeaderTimeout bounds a scraper's request.
	adminHeaderTimeout = 5 * time.Second
	// adminWriteTimeout leaves room for a CPU profile of half a minute.
	adminWriteTimeout = 60 * time.Second
)

// NewAdmin is the server of the admin port: /metrics, and Go's profiles under /debug/pprof/ where asked for. It takes
// no token, so it must listen where only operators reach it.
func NewAdmin(m *Metrics, profiles bool) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.handler())
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return &http.Server{Handler: mux, ReadHeaderTimeout: adminHeaderTimeout, WriteTimeout: adminWriteTimeout}
}
