package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exchange is a gateway's far end that knows one errand; it remembers what it was told.
type exchange struct {
	calls  []url.Values // of Africa's Talking's form, with the path as "path"
	bodies []map[string]any
	status int
}

// screens by how many inputs there were.
var screens = []string{
	"CON Nova\n1 Send money", "CON Enter number", "CON Enter amount",
	"CON Send BBD 50.00\nto Andre C. 246 250 1002\nFee 1.00 Total 51.00\nEnter PIN to send\n0 Back\n00 Home",
	"END Sent BBD 50.00",
}

func (e *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.status != 0 {
		w.WriteHeader(e.status)
		return
	}
	if r.URL.Path == "/v1/ussd/session" {
		e.native(w, r)
		return
	}
	_ = r.ParseForm() // an empty form fails the test by itself
	r.PostForm.Set("path", r.URL.Path)
	e.calls = append(e.calls, r.PostForm)
	n := 0
	if text := r.PostForm.Get("text"); text != "" {
		n = strings.Count(text, "*") + 1
	}
	_, _ = io.WriteString(w, screens[n])
}

func (e *exchange) native(w http.ResponseWriter, r *http.Request) {
	var in map[string]any
	_ = json.NewDecoder(r.Body).Decode(&in)
	in["authorization"] = r.Header.Get("Authorization")
	e.bodies = append(e.bodies, in)
	verb, text, _ := strings.Cut(screens[int(in["sequence"].(float64))-1], " ") //nolint:forbidigo // JSON's own numbers
	_ = json.NewEncoder(w).Encode(map[string]any{
		"action": map[string]string{"CON": "continue", "END": "end"}[verb], "message": text,
	})
}

// run calls `nova phone` against e and gives what it printed and its exit status.
func (e *exchange) run(t *testing.T, in string, args ...string) (string, int) {
	t.Helper()
	server := httptest.NewServer(e)
	defer server.Close()
	return phone(t, in, append([]string{"--server", server.Listener.Addr().String()}, args...)...)
}

func phone(t *testing.T, in string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	command := phoneCommand()
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetArgs(args)
	command.SetIn(strings.NewReader(in))
	command.SetOut(&out)
	err := command.ExecuteContext(t.Context())
	var exit exitError
	switch {
	case err == nil:
		return out.String(), 0
	case errors.As(err, &exit):
		return out.String() + exit.Error(), exit.code
	}
	return out.String() + err.Error(), 1
}

func TestScriptedPhoneShowsEveryScreenAndNoPIN(t *testing.T) {
	e := &exchange{}
	out, code := e.run(t, "", "--msisdn", "+12462501001", "--keys", "1,2462501002,50,1357")
	require.Zero(t, code)
	require.Equal(t, `+--------------------------+
| Nova                     |
| 1 Send money             |
+--------------------------+
  17 of 182 septets
> 1
+--------------------------+
| Enter number             |
+--------------------------+
  12 of 182 septets
> 2462501002
+--------------------------+
| Enter amount             |
+--------------------------+
  12 of 182 septets
> 50
+--------------------------+
| Send BBD 50.00           |
| to Andre C. 246 250 1002 |
| Fee 1.00 Total 51.00     |
| Enter PIN to send        |
| 0 Back                   |
| 00 Home                  |
+--------------------------+
  93 of 182 septets
> ****
+--------------------------+
| Sent BBD 50.00           |
+--------------------------+
  14 of 182 septets, the end
`, out)
	require.Len(t, e.calls, 5)
	last := e.calls[4]
	require.Equal(t, "1*2462501002*50*1357", last.Get("text"))
	require.Equal(t, "+12462501001", last.Get("phoneNumber"))
	require.Equal(t, "*123#", last.Get("serviceCode"))
	require.Equal(t, "/ussd/africastalking/demo", last.Get("path"))
	require.Equal(t, e.calls[0].Get("sessionId"), last.Get("sessionId"))
}

func TestScriptedPhoneStopsAtTheEnd(t *testing.T) {
	e := &exchange{}
	_, code := e.run(t, "", "--keys", "1,2,3,4,5,6,7")
	require.Zero(t, code)
	require.Len(t, e.calls, 5)
}

func TestScriptedPhoneTellsOfARefusal(t *testing.T) {
	e := &exchange{status: http.StatusForbidden}
	out, code := e.run(t, "", "--token", "guess", "--keys", "1")
	require.Equal(t, 1, code)
	require.Contains(t, out, "403 Forbidden")
	require.NotContains(t, out, "guess", "a token is not shown")
}

func TestScriptedPhoneTellsThatNobodyAnswers(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	out, code := phone(t, "", "--server", server.Listener.Addr().String(), "--token", "guess", "--keys", "1")
	require.Equal(t, 1, code)
	require.NotContains(t, out, "guess")
}

func TestPhoneCalledWrongly(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown flag":    {"--number", "1"},
		"an argument":        {"*123#"},
		"no number":          {"--msisdn", "Marcia"},
		"no short code":      {"--dial", "home"},
		"no address":         {"--server", "http://"},
		"an unknown gateway": {"--gateway", "smpp"},
	} {
		t.Run(name, func(t *testing.T) {
			_, code := phone(t, "", append(args, "--keys", "1")...)
			require.Equal(t, 2, code)
		})
	}
}

func TestPhoneOverTheNativeGateway(t *testing.T) {
	e := &exchange{}
	_, code := e.run(t, "", "--gateway", "native", "--token", "t0k3n", "--keys", "1,2462501002")
	require.Zero(t, code)
	require.Len(t, e.bodies, 3)
	require.Equal(t, "begin", e.bodies[0]["type"])
	last := e.bodies[2]
	require.Equal(t, "Bearer t0k3n", last["authorization"])
	require.Equal(t, "continue", last["type"])
	require.Equal(t, "2462501002", last["input"], "this screen's input alone")
}

func TestInteractivePhone(t *testing.T) {
	e := &exchange{}
	out, code := e.run(t, strings.Join([]string{"1", ":again", ":help", ":drop", "", ":drop", "*123*1#", ":quit", "never"}, "\n"))
	require.Zero(t, code)
	require.Contains(t, out, "dial [*123#]")
	require.Contains(t, out, ":drop, :again, :quit")
	require.NotContains(t, out, "never")
	var told []string
	for _, c := range e.calls {
		told = append(told, strings.TrimPrefix(c.Get("path"), "/ussd/africastalking/demo")+c.Get("serviceCode")+" "+c.Get("text"))
	}
	require.Equal(t, []string{"*123# ", "*123# 1", "*123# 1", "/events*123# ", "*123# ", "/events*123# ", "*123*1# "}, told)
	require.Equal(t, "Incomplete", e.calls[3].Get("status"))
	require.NotEqual(t, e.calls[0].Get("sessionId"), e.calls[4].Get("sessionId"), "another dial is another session")
}

func TestInteractivePhoneGoesOnAfterAFailure(t *testing.T) {
	e := &exchange{status: http.StatusServiceUnavailable}
	out, code := e.run(t, "\n:quit\n")
	require.Zero(t, code)
	require.Equal(t, 2, strings.Count(out, "! the server answered 503"))
}

func TestScreensThatAskForAPIN(t *testing.T) {
	for text, want := range map[string]bool{
		"Balance\nEnter PIN":            true,
		"PIN pour envoyer":              true,
		"Wrong PIN. 2 tries left\nSend": true,
		"My account\n1 Balance\n3 PIN":  false,
		"Enter amount":                  false,
		"Pinewood":                      false,
	} {
		require.Equal(t, want, screen{text: text}.asksPIN(), "%q", text)
	}
	require.False(t, screen{text: "Your PIN is set.", end: true}.asksPIN())
}

func TestScreenOutsideTheAlphabetCountsInUCS2(t *testing.T) {
	require.Contains(t, screen{text: "Ça coûte"}.draw(), "8 of 80 UCS-2 characters")
	require.Contains(t, screen{text: strings.Repeat("x", 50)}.draw(), "| "+strings.Repeat("x", 40)+" |\n| "+strings.Repeat("x", 10))
}

func TestTerminalThatIsNoneIsLeftAlone(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	require.Nil(t, terminalOf(file).file)
	terminalOf(file).echo(context.Background(), false)
}
