package main

import (
	"context"
	"errors"
)

// serveDev migrates, seeds the demo data, serves, and says how to dial, until ctx is done.
func serveDev(ctx context.Context, databaseURL, redisURL string) error {
	return errors.New("there is nothing to serve yet")
}
