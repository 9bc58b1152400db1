package rates

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// takeText counts one call, or some at once, against all limits of one caller. KEYS are the
// limits; ARGV is the call's name ("" for none), the repeat window, how many calls, and for each
// limit its interval and capacity; times are in microseconds.
//
// A key holds "full at", "counted at" and the last call's name. Of several limits the one
// with the longest wait is told, and then none counts. A clock that was set back leaves no
// bucket emptier than empty.
//
// It answers the number of the limit that refused (0: none), the wait in microseconds, and
// how many calls the tightest limit would still grant.
const takeText = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local due, counted = {}, {}
local refused, wait, left = 0, 0, -1
for i, key in ipairs(KEYS) do
	local interval, capacity = tonumber(ARGV[2 * i + 2]), tonumber(ARGV[2 * i + 3])
	local full, at, once = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (.*)$')
	due[i] = math.max(math.min(tonumber(full or 0), now + capacity), now)
	counted[i] = once ~= ARGV[1] or once == '' or now - tonumber(at) > tonumber(ARGV[2])
	if counted[i] then
		due[i] = due[i] + interval * ARGV[3]
	end
	local over = due[i] - capacity - now
	if over > wait then
		refused, wait = i, over
	end
	local rest = math.floor((now + capacity - due[i]) / interval)
	if left < 0 or rest < left then
		left = rest
	end
end
if refused > 0 then
	return {refused, wait, 0}
end
for i, key in ipairs(KEYS) do
	if counted[i] then
		local value = string.format('%.0f', due[i]) .. ' ' .. string.format('%.0f', now) .. ' ' .. ARGV[1]
		redis.call('SET', key, value, 'PX', math.ceil((due[i] - now) / 1000))
	end
end
return {0, 0, left}
`

// take knows the script's hash, by which a node that has seen it is asked.
var take = redis.NewScript(takeText)

// Batch is a call that is to be counted: its commands may travel in a pipeline of somebody
// else's.
type Batch struct {
	limiter *Limiter
	groups  []group
	asked   bool
}

// group is the limits of one caller.
type group struct {
	asks []Ask
	// calls is how many are counted at once.
	calls   int
	command *redis.Cmd
	refused bool
}

// Prepare readies a call. Limits that are zero are left out. While Redis is known to be gone
// there are no commands, and Answer counts here.
func (l *Limiter) Prepare(ctx context.Context, asks ...Ask) *Batch {
	return l.prepare(ctx, grouped(asks))
}

// grouped puts the limits of one caller together, and leaves out those that limit nothing.
func grouped(asks []Ask) []group {
	var groups []group
	for _, a := range asks {
		if a.Limit.IsZero() {
			continue
		}
		same := func(g group) bool { return g.asks[0].Kind == a.Kind && g.asks[0].Value == a.Value }
		if i := slices.IndexFunc(groups, same); i >= 0 {
			groups[i].asks = append(groups[i].asks, a)
			continue
		}
		groups = append(groups, group{asks: []Ask{a}, calls: 1})
	}
	return groups
}

func (l *Limiter) prepare(ctx context.Context, groups []group) *Batch {
	b := &Batch{limiter: l, groups: groups}
	if b.asked = len(groups) > 0 && l.mayAsk(); b.asked {
		for i := range groups {
			groups[i].command = l.command(ctx, &groups[i], "evalsha", take.Hash())
		}
	}
	return b
}

// command is the script for one caller's limits, by its hash or as a text.
func (l *Limiter) command(ctx context.Context, g *group, verb, script string) *redis.Cmd {
	args := make([]any, 0, 6+3*len(g.asks))
	args = append(args, verb, script, len(g.asks))
	name := l.name(g.asks[0])
	for _, a := range g.asks {
		args = append(args, name+a.Limit.Name)
	}
	args = append(args, l.once(g.asks[0]), repeatWindow.Microseconds(), g.calls)
	for _, a := range g.asks {
		args = append(args, a.Limit.interval().Microseconds(), a.Limit.capacity().Microseconds())
	}
	return redis.NewCmd(ctx, args...)
}

// Commands are to be run, in any order.
func (b *Batch) Commands() []redis.Cmder {
	if !b.asked {
		return nil
	}
	commands := make([]redis.Cmder, len(b.groups))
	for i, g := range b.groups {
		commands[i] = g.command
	}
	return commands
}

// Answer is what became of the call once its commands were run; err is what kept them from
// running. What Redis did not answer is counted here.
func (b *Batch) Answer(ctx context.Context, err error) Answer {
	switch {
	case len(b.groups) == 0:
		return Answer{Remaining: -1}
	case !b.asked:
		return b.alone()
	case err == nil:
		err = b.teach(ctx)
	}
	answer := Answer{Remaining: -1}
	for i := range b.groups {
		var one Answer
		if err == nil {
			one, err = b.groups[i].read()
		}
		if err != nil {
			b.limiter.unanswered(ctx, err)
			return b.alone()
		}
		answer.add(one)
		b.limiter.settle(&b.groups[i], one)
	}
	b.limiter.silent.Store(0)
	return answer
}

// settle keeps what was counted ahead of a caller's next calls.
func (l *Limiter) settle(g *group, one Answer) {
	g.refused = one.Refused
	if g.calls > 1 && !one.Refused {
		l.ahead.keep(l.key(g), g.calls-1, l.o.Clock.Now())
	}
}

// unanswered tells a Redis that failed from a caller who gave up.
func (l *Limiter) unanswered(ctx context.Context, err error) {
	if ctx.Err() == nil {
		l.failed(ctx, err)
	}
}

// teach runs again what met a node that has not seen the script: it is new, restarted or was
// flushed.
func (b *Batch) teach(ctx context.Context) error {
	var again []redis.Cmder
	for i := range b.groups {
		g := &b.groups[i]
		if redis.HasErrorPrefix(g.command.Err(), "NOSCRIPT") {
			g.command = b.limiter.command(ctx, g, "eval", takeText)
			again = append(again, g.command)
		}
	}
	if len(again) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return b.limiter.o.Redis.Run(limited, again...)
}

// read is the script's answer.
func (g group) read() (Answer, error) {
	values, err := g.command.Int64Slice()
	if err != nil {
		return Answer{}, err
	}
	const fields = 3
	if len(values) != fields || values[0] < 0 || int(values[0]) > len(g.asks) {
		return Answer{}, errors.New("rate script answered something else")
	}
	a := Answer{Remaining: int(values[2])}
	if values[0] > 0 {
		a.Refused, a.Limit = true, g.asks[values[0]-1].Limit.Name
		a.RetryAfter = time.Duration(values[1]) * time.Microsecond
	}
	return a, nil
}

// add joins the answer for one caller to that for those before.
func (a *Answer) add(one Answer) {
	if one.Refused && (!a.Refused || one.RetryAfter > a.RetryAfter) {
		a.Refused, a.Limit, a.RetryAfter = true, one.Limit, one.RetryAfter
	}
	if a.Remaining < 0 || one.Remaining < a.Remaining {
		a.Remaining = one.Remaining
	}
}
