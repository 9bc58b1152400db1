package redistest

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// page is how many keys are asked for at once.
const page = 1000

// Dump writes down every key and value of every type and every database, for tests that
// search for what must not be there. A type it does not know fails the test.
func (s *Server) Dump() string {
	s.t.Helper()
	client := s.Client()
	defer func() { _ = client.Close() }() // read only
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out strings.Builder
	for keys := client.Scan(ctx, 0, "", page).Iterator(); ; {
		if !keys.Next(ctx) {
			if err := keys.Err(); err != nil {
				s.t.Fatalf("list the keys of redis: %v", err)
			}
			return out.String()
		}
		value, err := read(ctx, client, keys.Val())
		if err != nil {
			s.t.Fatalf("read %q from redis: %v", keys.Val(), err)
		}
		fmt.Fprintf(&out, "%s = %s\n", keys.Val(), value)
	}
}

// read writes one value down as text. A key that expires meanwhile is an empty value.
func read(ctx context.Context, c *redis.Client, key string) (string, error) {
	kind, err := c.Type(ctx, key).Result()
	if err != nil {
		return "", err
	}
	var value any
	switch kind {
	case "none":
	case "string":
		value, err = c.Get(ctx, key).Result()
	case "hash":
		value, err = c.HGetAll(ctx, key).Result()
	case "list":
		value, err = c.LRange(ctx, key, 0, -1).Result()
	case "set":
		value, err = c.SMembers(ctx, key).Result()
	case "zset":
		value, err = c.ZRangeWithScores(ctx, key, 0, -1).Result()
	case "stream":
		value, err = c.XRange(ctx, key, "-", "+").Result()
	default:
		return "", fmt.Errorf("a value of type %s cannot be read", kind)
	}
	if err == redis.Nil { //nolint:errorlint // go-redis returns it unwrapped, as its documentation says.
		return "", nil
	}
	return fmt.Sprint(value), err
}
