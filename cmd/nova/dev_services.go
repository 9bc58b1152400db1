package main

import (
	"context"
	"errors"

	"nova/sessions/redislocal"
	"nova/sql/daemon"
	"nova/sql/pglocal"
)

// serviceOptions say which private servers to start, and how.
type serviceOptions struct {
	Dir             string
	Database, Redis bool
	// Throwaway: the data is for this run only.
	Throwaway bool
	// Flush writes the database's data through to the disk even where it is thrown away, for
	// measurements.
	Flush bool
	Say   daemon.Say
}

// services are the private servers that run, and their URLs; a server that was not asked for
// has an empty one.
type services struct {
	databaseURL, redisURL string
	stops                 []func() error
}

// startServices starts what is asked for. On an error nothing is left running.
func startServices(ctx context.Context, o serviceOptions) (_ *services, err error) {
	s := &services{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if o.Database {
		pg, err := pglocal.Start(ctx, pglocal.Options{Dir: o.Dir, Throwaway: o.Throwaway && !o.Flush, Say: o.Say})
		if err != nil {
			return nil, advised(err)
		}
		s.databaseURL, s.stops = pg.URL(), append(s.stops, pg.Stop)
	}
	if o.Redis {
		r, err := redislocal.Start(ctx, redislocal.Options{Dir: o.Dir, Throwaway: o.Throwaway, Say: o.Say})
		if err != nil {
			return nil, err
		}
		s.redisURL, s.stops = r.URL(), append(s.stops, r.Stop)
	}
	return s, nil
}

// stop stops the servers, the last started first.
func (s *services) stop() error {
	var err error
	for i := len(s.stops) - 1; i >= 0; i-- {
		err = errors.Join(err, s.stops[i]())
	}
	s.stops = nil
	return err
}

// advised says what to type where a server is not installed.
func advised(err error) error {
	if errors.Is(err, pglocal.ErrNotInstalled) {
		return errors.Join(err, errors.New("`nova dev install` installs what is missing"))
	}
	return err
}
