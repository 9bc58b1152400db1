// Package simswap asks a mobile operator when a number's SIM was changed, by the SIM Swap API of GSMA Open Gateway
// (CAMARA SimSwap: POST /sim-swap/v1/retrieve-date and /check).
//
// It knows nothing of what a changed SIM holds; core/customers asks it before cash goes out. Its one rule: it answers
// within its time or fails. An operator who has fallen silent is left alone for a while, and costs nobody the wait again.
package simswap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"nova/core/clock"
	"nova/core/msisdn"
	"nova/core/secret"
)

const (
	datePath  = "/sim-swap/v1/retrieve-date"
	checkPath = "/sim-swap/v1/check"

	// DefaultTimeout leaves a hop the greater part of its four seconds.
	DefaultTimeout = 1500 * time.Millisecond
	// maxAnswer bounds what is read: an answer has some tens of bytes.
	maxAnswer = 16 << 10
	// maxAge is the longest period that may be checked (CAMARA: 2400 hours), minAge the shortest.
	minAge, maxAge = time.Hour, 2400 * time.Hour

	// remembered is how long an answer is good: an errand asks at its door, with its price and at its end.
	remembered = time.Minute
	// maxRemembered bounds the memory: some megabyte.
	maxRemembered = 10_000

	// failures in a row open the breaker, and after rest one call finds out whether the operator is back.
	failures = 5
	rest     = 20 * time.Second
)

// Options are what a Client is made of.
type Options struct {
	// URL is the operator's API root, before /sim-swap.
	URL   string
	Token secret.Text
	// Period is how far back a change matters, where an operator tells that there was one and not when.
	Period time.Duration
	// Timeout bounds a call; 0: DefaultTimeout.
	Timeout time.Duration
	Clock   clock.Clock
}

// Client asks one operator. It is safe for concurrent use.
type Client struct {
	o       Options
	http    *http.Client
	breaker *gobreaker.CircuitBreaker[answer]

	mu    sync.Mutex
	known map[msisdn.MSISDN]answer
}

// answer is when a SIM was changed, and when that was said.
type answer struct {
	at    time.Time
	found bool
	said  time.Time
}

// New makes a client. URL must be absolute, and https unless it names this machine.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !local(u) {
		return nil, errors.New("the URL of SIM swaps is not https://host")
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	o.Period = min(max(o.Period, minAge), maxAge)
	return &Client{
		o: o, known: map[msisdn.MSISDN]answer{},
		http: &http.Client{
			Timeout: o.Timeout,
			// A token goes to the one host that it was issued for.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		breaker: gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{
			Name: "simswap", MaxRequests: 1, Timeout: rest,
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
			// A caller who went away says nothing about the operator.
			IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
		}),
	}, nil
}

func local(u *url.URL) bool {
	return u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost" || u.Hostname() == "::1")
}

// SwappedAt is when the number's SIM was changed last. False where the operator knows of no change, or not the number.
// Where they tell that there was one within the period and not when, it is now: the hold is then longer than it must be.
func (c *Client) SwappedAt(ctx context.Context, m msisdn.MSISDN) (time.Time, bool, error) {
	if a, ok := c.remembers(m); ok {
		return a.at, a.found, nil
	}
	a, err := c.breaker.Execute(func() (answer, error) { return c.ask(ctx, m) })
	if err != nil {
		return time.Time{}, false, fmt.Errorf("ask for SIM swaps: %w", err)
	}
	c.remember(m, a)
	return a.at, a.found, nil
}

func (c *Client) ask(ctx context.Context, m msisdn.MSISDN) (answer, error) {
	a := answer{said: c.o.Clock.Now()}
	var date struct {
		LatestSIMChange *time.Time `json:"latestSimChange"`
	}
	known, err := c.post(ctx, datePath, map[string]any{"phoneNumber": m.E164()}, &date)
	if err != nil || !known {
		return a, err
	}
	if date.LatestSIMChange != nil {
		a.at, a.found = date.LatestSIMChange.UTC(), true
		return a, nil
	}
	// No date: there was no change in the time that the operator keeps, or they may not tell when.
	var check struct {
		Swapped *bool `json:"swapped"`
	}
	known, err = c.post(ctx, checkPath, map[string]any{
		"phoneNumber": m.E164(), "maxAge": int(c.o.Period / time.Hour),
	}, &check)
	if err == nil && known && check.Swapped == nil {
		err = errors.New("an answer without swapped")
	}
	if err != nil || !known || !*check.Swapped {
		return a, err
	}
	a.at, a.found = a.said, true
	return a, nil
}

// post sends one question; known is false where the operator has no such number.
func (c *Client) post(ctx context.Context, path string, question, into any) (known bool, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return false, fmt.Errorf("write the question: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.URL+path, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if !c.o.Token.IsZero() {
		request.Header.Set("Authorization", "Bearer "+c.o.Token.Reveal())
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("call: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // only read
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusUnprocessableEntity:
		return false, nil // IDENTIFIER_NOT_FOUND; SERVICE_NOT_APPLICABLE: the number is no customer of theirs
	default:
		return false, fmt.Errorf("the operator answered %d", response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
		return false, errors.New("the operator's answer is no JSON of this API") // the decoder's text may quote a number
	}
	return true, nil
}

func (c *Client) remembers(m msisdn.MSISDN) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.known[m]
	return a, ok && c.o.Clock.Now().Sub(a.said) < remembered
}

// remember keeps an answer; a full memory is emptied first, and fills again with those who are dialling.
func (c *Client) remember(m msisdn.MSISDN, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxRemembered {
		clear(c.known)
	}
	c.known[m] = a
}
