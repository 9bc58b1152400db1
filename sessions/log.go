package sessions

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo sends what the Redis client says about its connections to our own log; without
// it the client writes plain lines to standard error. It holds for the whole process,
// so cmd calls it once, before Open. The client's lines name addresses and no keys.
func LogTo(l *slog.Logger) { redis.SetLogger(clientLog{l}) }

type clientLog struct{ log *slog.Logger }

func (c clientLog) Printf(ctx context.Context, format string, args ...any) {
	c.log.WarnContext(ctx, "redis client", "says", fmt.Sprintf(format, args...))
}
