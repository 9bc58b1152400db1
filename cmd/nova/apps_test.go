package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/configs"
	"nova/core/customers"
	"nova/core/identity"
	"nova/core/msisdn"
)

func TestACustomersAppSignsInBindsItsPhoneAndSendsMoney(t *testing.T) {
	s := newSite(t)
	p := s.customer(marciasNumber, "1357")
	in := p.signIn()
	require.Equal(t, http.StatusOK, in.Status, in.Body)
	require.Equal(t, false, in.Body["device_bound"])
	me := s.do(call{method: "GET", path: "/v1/customer/me", token: p.token})
	require.Equal(t, "Marcia", me.text("first_name"), me.Body)

	unbound := p.signed("/v1/txns/p2p", sendBody(andresNumber, "10.00"))
	require.Equal(t, "DEVICE_NOT_BOUND", unbound.code(), unbound.Body)
	p.bind()
	fresh := p.signed("/v1/txns/p2p", sendBody(andresNumber, "10.00"))
	require.Equal(t, "MFA_REQUIRED", fresh.code(), "a phone that was bound just now asks again")
	s.Wait(25 * time.Hour)
	require.Equal(t, http.StatusOK, p.renew().Status)

	sent := p.signed("/v1/txns/p2p", sendBody(andresNumber, "10.00"), under("rent"))
	require.Equal(t, http.StatusCreated, sent.Status, sent.Body)
	require.Equal(t, "p2p", sent.text("type"))
	require.Equal(t, "app", sent.text("channel"))
	require.Equal(t, map[string]any{"amount": "11.00", "currency": "BBD"}, sent.Body["total_debited"])
	require.Equal(t, "189.00", s.Holds(marciasNumber, "wallet"))
	again := p.signed("/v1/txns/p2p", sendBody(andresNumber, "10.00"), under("rent"))
	require.Equal(t, sent.Body, again.Body)
	require.Equal(t, "true", again.Header.Get("Idempotency-Replayed"))
	other := p.signed("/v1/txns/p2p", sendBody(andresNumber, "11.00"), under("rent"))
	require.Equal(t, "IDEMPOTENCY_CONFLICT", other.code())
	require.Equal(t, "189.00", s.Holds(marciasNumber, "wallet"))

	// A wrong PIN is counted, and the same request may bring the right one.
	pinned := func(pin string) said {
		return p.signed("/v1/txns/p2p", strings.Replace(sendBody(andresNumber, "5.00"), "{", `{"pin":"`+pin+`",`, 1), under("pinned"))
	}
	wrong := pinned("8642")
	require.Equal(t, "PIN_INVALID", wrong.code())
	require.EqualValues(t, 2, wrong.detail("attempts_left"))
	require.Equal(t, http.StatusCreated, pinned("1357").Status)
	require.Equal(t, "183.00", s.Holds(marciasNumber, "wallet"))
}

func TestOnlyTheBoundPhoneMovesMoney(t *testing.T) {
	s := newSite(t)
	p := s.customer(marciasNumber, "1357").ready()
	_, strange, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rows := []struct {
		name   string
		change func(*call)
		want   string
	}{
		{"unsigned", func(c *call) { c.signer = nil }, "UNAUTHORIZED"},
		{"another device's key", func(c *call) { c.signer = strange }, "UNAUTHORIZED"},
		{"signed two minutes ago", func(c *call) { c.at = c.at.Add(-2 * time.Minute) }, "UNAUTHORIZED"},
		{"signed two minutes ahead", func(c *call) { c.at = c.at.Add(2 * time.Minute) }, "UNAUTHORIZED"},
		{"under another device's name", func(c *call) { c.device = "phone-2" }, "UNAUTHORIZED"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, p.signed("/v1/txns/p2p", sendBody(andresNumber, "10.00"), row.change).code())
		})
	}
	require.Equal(t, "200.00", s.Holds(marciasNumber, "wallet"))
}

// A second factor is for one request: above the limit it is asked for, the code comes by SMS, and its token passes once.
func TestASecondFactorPassesOnceAndForItsRequestOnly(t *testing.T) {
	s := newSite(t, func(c *configs.Config) { c.StepUpAbove = "50" })
	p := s.customer(marciasNumber, "1357").ready()
	plain := p.token
	asked := p.signed("/v1/txns/p2p", sendBody(andresNumber, "60.00"), under("large"))
	require.Equal(t, http.StatusForbidden, asked.Status)
	require.Equal(t, "MFA_REQUIRED", asked.code())
	challenge, ok := asked.detail("challenge").(string)
	require.True(t, ok)

	complete := func(otp string) said {
		return s.do(call{
			method: "POST", path: "/v1/auth/stepup/complete", token: plain, body: `{"challenge":"` + challenge + `","otp_token":"` + otp + `"}`,
		})
	}
	require.Equal(t, "OTP_INVALID", complete(p.otp("device_bind", `,"msisdn":"`+marciasNumber+`"`)).code(), "a code for something else")
	stranger := s.customer(andresNumber, "1358")
	require.Equal(t, http.StatusOK, stranger.signIn().Status)
	theirs := stranger.post("/auth/otp/request", `{"purpose":"step_up","challenge":"`+challenge+`"}`)
	require.Equal(t, "NOT_FOUND", theirs.code(), "somebody else's challenge")
	require.Equal(t, "UNAUTHORIZED", s.do(call{
		method: "POST", path: "/v1/customer/auth/otp/request", body: `{"purpose":"step_up","challenge":"` + challenge + `"}`,
	}).code())

	done := complete(p.otp("step_up", `,"challenge":"`+challenge+`"`))
	require.Equal(t, http.StatusOK, done.Status, done.Body)
	require.EqualValues(t, 2, done.Body["aal"])
	p.token = done.text("access_token")
	smaller := p.signed("/v1/txns/p2p", sendBody(andresNumber, "59.00"), under("other"))
	require.Equal(t, "MFA_REQUIRED", smaller.code(), "another request")
	require.Equal(t, "MFA_REQUIRED", s.do(call{method: "GET", path: "/v1/customer/me", token: p.token}).code(), "nor anything else")
	passed := p.signed("/v1/txns/p2p", sendBody(andresNumber, "60.00"), under("large"))
	require.Equal(t, http.StatusCreated, passed.Status, passed.Body)
	twice := p.signed("/v1/txns/p2p", sendBody(andresNumber, "60.00"), under("large too"))
	require.Equal(t, "MFA_REQUIRED", twice.code(), "once")
	require.Equal(t, "139.00", s.Holds(marciasNumber, "wallet"))
}

func TestAnOperatorsAppTakesCash(t *testing.T) {
	s := newSite(t)
	p := s.operator("100011", oistinsNumber, "2468").ready()
	me := s.do(call{method: "GET", path: "/v1/agent/me", token: p.token})
	require.Equal(t, "100011", me.text("agent_code"), me.Body)
	body := `{"customer":{"msisdn":"` + marciasNumber + `"},"amount":{"amount":"40.00","currency":"BBD"},"note":"market day"}`
	taken := p.signed("/v1/txns/cashin", body)
	require.Equal(t, http.StatusCreated, taken.Status, taken.Body)
	require.Equal(t, "agent_app", taken.text("channel"))
	require.Equal(t, "240.00", s.Holds(marciasNumber, "wallet"))
	require.Equal(t, "4,960.00", s.Holds(oistinsNumber, "float"))
	require.Equal(t, "FORBIDDEN", p.signed("/v1/txns/p2p", sendBody(andresNumber, "1.00")).code(), "customers send")

	alone := s.phone("/v1/agent", `"agent_code":"100012"`, "+12462500012", "2469")
	require.Equal(t, http.StatusOK, alone.signIn().Status, "an owner signs in by the agent's code alone")
}

func TestRefreshTokensRotateAndALogoutEndsThem(t *testing.T) {
	s := newSite(t)
	p := s.customer(marciasNumber, "1357")
	require.Equal(t, http.StatusOK, p.signIn().Status)
	first := p.refresh
	require.Equal(t, http.StatusOK, p.renew().Status)
	newest := p.token
	stolen := p.post("/auth/refresh", `{"refresh_token":"`+first+`"}`)
	require.Equal(t, "TOKEN_REUSED", stolen.code())
	require.Equal(t, http.StatusUnauthorized, s.do(call{method: "GET", path: "/v1/customer/me", token: newest}).Status)
	require.Equal(t, "UNAUTHORIZED", p.renew().code())

	require.Equal(t, http.StatusOK, p.signIn().Status)
	require.Equal(t, "UNAUTHORIZED", s.do(call{
		method: "POST", path: "/v1/agent/auth/refresh", body: `{"refresh_token":"` + p.refresh + `"}`,
	}).code(), "a customer's is no operator's")
	require.Equal(t, http.StatusNoContent, p.post("/auth/logout", `{"refresh_token":"`+p.refresh+`"}`).Status)
	require.Equal(t, http.StatusUnauthorized, s.do(call{method: "GET", path: "/v1/customer/me", token: p.token}).Status)
	require.Equal(t, "UNAUTHORIZED", p.renew().code())
}

func TestALostPhoneIsUnbound(t *testing.T) {
	s := newSite(t)
	lost := s.customer(marciasNumber, "1357").ready()
	tablet := s.customer(marciasNumber, "1357")
	tablet.device = "tablet"
	require.Equal(t, http.StatusOK, tablet.signIn().Status)
	listed := s.do(call{method: "GET", path: "/v1/customer/auth/devices", token: tablet.token})
	require.Len(t, listed.Body["data"], 1)
	sessions := s.do(call{method: "GET", path: "/v1/customer/auth/sessions", token: tablet.token})
	require.Len(t, sessions.Body["data"], 2)

	stranger := s.customer(andresNumber, "1358")
	require.Equal(t, http.StatusOK, stranger.signIn().Status)
	unbind := call{method: "DELETE", path: "/v1/customer/auth/devices/" + lost.device, token: stranger.token}
	require.Equal(t, http.StatusNotFound, s.do(unbind).Status, "another's device")
	unbind.token = tablet.token
	require.Equal(t, http.StatusNoContent, s.do(unbind).Status)
	require.Equal(t, http.StatusNotFound, s.do(unbind).Status)
	require.Equal(t, "UNAUTHORIZED", lost.signed("/v1/txns/p2p", sendBody(andresNumber, "1.00")).code())
	require.Equal(t, "UNAUTHORIZED", lost.renew().code())
	require.Equal(t, "200.00", s.Holds(marciasNumber, "wallet"))
	require.Equal(t, http.StatusOK, s.do(call{method: "GET", path: "/v1/customer/me", token: tablet.token}).Status)
}

// Parallel guesses through the door never pass the limit, and whether a number is somebody's shows in nothing.
func TestGuessingIsBoundedAndTellsNothing(t *testing.T) {
	s := newSite(t)
	guess := func(number string) map[string]int {
		counts := map[string]int{}
		var mu sync.Mutex
		var group sync.WaitGroup
		for range 12 {
			group.Go(func() {
				a := s.customer(number, "8642").signIn()
				mu.Lock()
				defer mu.Unlock()
				counts[a.code()]++
			})
		}
		group.Wait()
		return counts
	}
	known, unknown := guess(marciasNumber), guess("+12462509999")
	require.Equal(t, map[string]int{"INVALID_CREDENTIALS": 2, "ACCOUNT_LOCKED": 10}, known)
	require.Equal(t, known, unknown)
	locked := s.customer(marciasNumber, "1357").signIn()
	require.Equal(t, http.StatusLocked, locked.Status)
	require.EqualValues(t, 3600, locked.detail("retry_after_seconds"))

	p := s.customer(andresNumber, "1358")
	asked := p.post("/auth/otp/request", `{"purpose":"pin_reset","msisdn":"`+andresNumber+`"}`)
	nobody := p.post("/auth/otp/request", `{"purpose":"pin_reset","msisdn":"+12462509999"}`)
	require.Equal(t, http.StatusAccepted, nobody.Status)
	for field := range asked.Body {
		require.Contains(t, nobody.Body, field)
	}
	require.Empty(t, s.SMS("+12462509999"))
	again := p.post("/auth/otp/request", `{"purpose":"pin_reset","msisdn":"`+andresNumber+`"}`)
	require.Equal(t, http.StatusTooManyRequests, again.Status)
	require.Equal(t, "60", again.Header.Get("Retry-After"))
	wrong := "000000"
	if asked.text("otp") == wrong {
		wrong = "111111"
	}
	counts := map[string]int{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			a := p.post("/auth/otp/verify", `{"otp_session_id":"`+asked.text("otp_session_id")+`","code":"`+wrong+`"}`)
			mu.Lock()
			defer mu.Unlock()
			counts[a.code()]++
		})
	}
	group.Wait()
	require.Equal(t, map[string]int{"OTP_INVALID": 3, "OTP_EXPIRED": 7}, counts)
	require.Equal(t, "OTP_EXPIRED", p.post("/auth/otp/verify",
		`{"otp_session_id":"`+asked.text("otp_session_id")+`","code":"`+asked.text("otp")+`"}`).code(), "also the right one")
}

func TestAPINIsChangedFromAnApp(t *testing.T) {
	s := newSite(t)
	p := s.customer(marciasNumber, "1357")
	require.Equal(t, http.StatusOK, p.signIn().Status)
	change := func(login, pin, to string) said {
		return p.post("/auth/pin", `{`+login+`,"pin":"`+pin+`","new_pin":"`+to+`"}`)
	}
	require.Equal(t, "is too easy to guess", change(p.login, "1357", "1234").detail("new_pin"))
	require.Equal(t, "is too easy to guess", change(p.login, "1357", "1985").detail("new_pin"), "the year of birth")
	require.Equal(t, "is the one in use", change(p.login, "1357", "1357").detail("new_pin"))
	require.Equal(t, "INVALID_CREDENTIALS", change(p.login, "2468", "8642").code())
	require.Equal(t, "INVALID_CREDENTIALS", change(`"msisdn":"+12462509999"`, "1357", "8642").code())
	require.Equal(t, http.StatusNoContent, change(p.login, "1357", "8642").Status)
	s.clock.Advance(time.Second)
	require.Equal(t, http.StatusUnauthorized, s.do(call{method: "GET", path: "/v1/customer/me", token: p.token}).Status, "all sign-ins end")
	require.Equal(t, "INVALID_CREDENTIALS", p.signIn().code())
	p.pin = "8642"
	require.Equal(t, http.StatusOK, p.signIn().Status)

	o := s.operator("100011", oistinsNumber, "2468")
	s.Happen(oistinsNumber, issued+"9753")
	o.pin = "9753"
	in := o.signIn()
	require.Equal(t, true, in.Body["pin_change_required"], in.Body)
	require.Equal(t, "FORBIDDEN", s.do(call{method: "GET", path: "/v1/agent/me", token: o.token}).code())
	changed := o.post("/auth/pin", `{`+o.login+`,"pin":"9753","new_pin":"8642"}`)
	require.Equal(t, http.StatusNoContent, changed.Status, changed.Body)
	o.pin = "8642"
	require.Equal(t, false, o.signIn().Body["pin_change_required"])
	require.Equal(t, http.StatusOK, s.do(call{method: "GET", path: "/v1/agent/me", token: o.token}).Status)
}

func TestAForgottenPINIsResetFromAnAppOnceSupportAllowsIt(t *testing.T) {
	s := newSite(t)
	p := s.customer(marciasNumber, "1357")
	reset := func(otp, year, last string) said {
		return p.post("/auth/pin", `{`+p.login+`,"otp_token":"`+otp+`","birth_year":`+year+`,"id_last_four":"`+last+`","new_pin":"8642"}`)
	}
	code := func() string {
		s.clock.Advance(time.Minute)
		return p.otp("pin_reset", `,"msisdn":"`+marciasNumber+`"`)
	}
	require.Equal(t, "INVALID_STATE", reset(code(), "1985", "0011").code(), "nobody has allowed it")
	s.Happen(marciasNumber, "reset opened")
	require.Equal(t, "OTP_INVALID", reset("guessed", "1985", "0011").code())
	require.Equal(t, "PIN_INVALID", reset(code(), "1986", "0011").code())
	spent := code()
	require.Equal(t, http.StatusNoContent, reset(spent, "1985", "0011").Status)
	require.Equal(t, "OTP_INVALID", reset(spent, "1985", "0011").code(), "a code is good once")
	p.pin = "8642"
	require.Equal(t, http.StatusOK, p.signIn().Status)
}

// A second node and this one refuse who was signed out, suspended or is gone, within a second.
func TestASuspendedCustomersTokenDies(t *testing.T) {
	s := newSite(t)
	p := s.customer(marciasNumber, "1357")
	require.Equal(t, http.StatusOK, p.signIn().Status)
	number, err := msisdn.Parse(marciasNumber, "BB")
	require.NoError(t, err)
	marcia, err := s.server.customers.ByMSISDN(t.Context(), number)
	require.NoError(t, err)
	require.NoError(t, s.server.customers.SetStatus(t.Context(), officer, marcia.ID, customers.Suspended, "a test"))
	require.NoError(t, s.server.signIns.RevokeSubject(t.Context(), marcia.Subject(), "suspended", identity.Via{}))
	s.clock.Advance(time.Second)
	require.Equal(t, http.StatusUnauthorized, s.do(call{method: "GET", path: "/v1/customer/me", token: p.token}).Status)
	require.Equal(t, "INVALID_CREDENTIALS", p.signIn().code(), "who may not act is told no more than a guesser")
}

func TestKeysOfTokensArePublic(t *testing.T) {
	s := newSite(t)
	keys := s.do(call{method: "GET", path: "/.well-known/jwks.json"})
	require.Equal(t, http.StatusOK, keys.Status)
	require.Equal(t, "public, max-age=300", keys.Header.Get("Cache-Control"))
	require.Len(t, keys.Body["keys"], 1)
}

// A code is in the SMS alone, but in a demonstration.
func TestCodesAreNotShownUnlessConfigured(t *testing.T) {
	s := newSite(t, func(c *configs.Config) { c.ExposeOTP = false })
	asked := s.customer(marciasNumber, "1357").post("/auth/otp/request", `{"purpose":"device_bind","msisdn":"`+marciasNumber+`"}`)
	require.Equal(t, http.StatusAccepted, asked.Status)
	require.NotContains(t, asked.Body, "otp")
	require.Regexp(t, `[0-9]{6}`, s.SMS(marciasNumber))
}
