package ussd_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"nova/channels/ussd"
	"nova/channels/ussd/africastalking"
	"nova/channels/web"
	"nova/core/fault"
	"nova/core/secret"
)

const (
	proxy  = "10.0.0.1"
	known  = "18.133.205.228"
	other  = "203.0.113.9"
	callee = "sessionId=s1&phoneNumber=12462501001&serviceCode=%2A123%23&text="
)

// knock is one call at a door.
type knock struct {
	from, token, body string
	headers           [][2]string
}

// at serves africastalking behind a door and knocks; -1 is a body that should be empty.
func (k knock) at(t *testing.T, o ussd.DoorOptions) (status int, body string) {
	t.Helper()
	r := newRig(t, func(t *ussd.Terms) { t.Name = "africastalking" })
	door, err := ussd.NewDoor(o)
	require.NoError(t, err)
	app := web.New(web.Options{Doors: []web.Door{r.p.WebDoor()}})
	require.NoError(t, ussd.Mount(app, r.p, []ussd.Gateway{{Door: door, Turn: africastalking.Gateway{}}}))
	var c fasthttp.RequestCtx
	c.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.ParseIP(k.from), Port: 4711}, nil)
	c.Request.SetRequestURI("/ussd/africastalking/" + k.token)
	c.Request.Header.SetMethod(fiber.MethodPost)
	c.Request.Header.SetContentType(fiber.MIMEApplicationForm)
	for _, h := range k.headers {
		c.Request.Header.Add(h[0], h[1])
	}
	c.Request.SetBodyString(k.body)
	app.Fiber().Handler()(&c)
	if c.Response.StatusCode() == fiber.StatusForbidden {
		require.NotContains(t, r.logs.String(), "ussd hop", "nothing is decoded")
	}
	return c.Response.StatusCode(), string(c.Response.Body())
}

func sign(body string) []byte {
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(body))
	return mac.Sum(nil)
}

func forwarded(chain ...string) [][2]string {
	var headers [][2]string
	for _, part := range chain {
		headers = append(headers, [2]string{"X-Forwarded-For", part})
	}
	return headers
}

func header(name, value string) [][2]string { return [][2]string{{name, value}} }

func TestDoor(t *testing.T) {
	token := secret.New("demo/é")
	open := ussd.DoorOptions{Token: token}
	byAddress := ussd.DoorOptions{Token: token, Sources: []string{"18.133.205.0/24", "2001:db8::/32"}, TrustedProxies: []string{"10.0.0.0/8"}}
	basic := ussd.DoorOptions{Token: token, User: "at", Password: secret.New("p:w")}
	signed := ussd.DoorOptions{Token: token, SignatureHeader: "X-Signature", SignatureKey: secret.New("key")}
	good := hex.EncodeToString(sign(callee))
	for _, test := range []struct {
		name     string
		door     ussd.DoorOptions
		from     string
		token    string
		headers  [][2]string
		admitted bool
	}{
		{"right token", open, other, "demo%2F%C3%A9", nil, true},
		{"wrong token", open, other, "demo", nil, false},
		{"longer token", open, other, "demo%2F%C3%A9x", nil, false},
		{"malformed escape", open, other, "demo%2", nil, false},

		{"known address", byAddress, known, "", nil, true},
		{"known address, IPv6", byAddress, "2001:db8::7", "", nil, true},
		{"known address, IPv4 in IPv6", byAddress, "::ffff:" + known, "", nil, true},
		{"unknown address", byAddress, other, "", nil, false},
		{"unknown address that claims to forward", byAddress, other, "", forwarded(known), false},
		{"forwarded by our proxy", byAddress, proxy, "", forwarded(known), true},
		{"forwarded by two of ours", byAddress, proxy, "", forwarded(known + ", 10.1.2.3"), true},
		{"the rightmost that is not ours decides", byAddress, proxy, "", forwarded(known + ", " + other), false},
		{"what stands left of it is hearsay", byAddress, proxy, "", forwarded(other + "," + known), true},
		{"in two headers, in their order", byAddress, proxy, "", forwarded(known, other), false},
		{"with a port", byAddress, proxy, "", forwarded(known + ":8080"), true},
		{"IPv6 with a port", byAddress, proxy, "", forwarded("[2001:db8::1]:8080"), true},
		{"our proxy alone is nobody", byAddress, proxy, "", nil, false},
		{"not an address", byAddress, proxy, "", forwarded(known + ", unknown"), false},
		{"empty", byAddress, proxy, "", forwarded(""), false},

		{"basic auth", basic, other, "", header("Authorization", "bAsIc "+base64.StdEncoding.EncodeToString([]byte("at:p:w"))), true},
		{"wrong password", basic, other, "", header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("at:p"))), false},
		{"no password", basic, other, "", nil, false},
		{"another scheme", basic, other, "", header("Authorization", "Bearer x"), false},
		{"not base64", basic, other, "", header("Authorization", "Basic ***"), false},

		{"signed in hex", signed, other, "", header("X-Signature", good), true},
		{"signed with its name", signed, other, "", header("X-Signature", "sha256="+good), true},
		{"signed in base64", signed, other, "", header("X-Signature", base64.StdEncoding.EncodeToString(sign(callee))), true},
		{"signed over other bytes", signed, other, "", header("X-Signature", hex.EncodeToString(sign(callee+"1"))), false},
		{"half a signature", signed, other, "", header("X-Signature", good[:32]), false},
		{"no signature", signed, other, "", nil, false},
		{"signed, with a charset for an encoding", signed, other, "", append(header("X-Signature", good), [2]string{"Content-Encoding", "utf-8"}), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := knock{from: test.from, token: test.token, headers: test.headers, body: callee}
			if k.token == "" {
				k.token = "demo%2F%C3%A9"
			}
			status, body := k.at(t, test.door)
			if test.admitted {
				require.Equal(t, 200, status)
				require.Equal(t, "CON Nova\n1 Send money", body)
				return
			}
			require.Equal(t, 403, status)
			require.Empty(t, body)
		})
	}
}

// TestADoorAsksForAllThatItWasGiven: of several locks no key opens more than its own.
func TestADoorAsksForAllThatItWasGiven(t *testing.T) {
	all := ussd.DoorOptions{
		Token: secret.New("demo"), Sources: []string{known}, User: "at", Password: secret.New("pw"),
		SignatureHeader: "X-Signature", SignatureKey: secret.New("key"),
	}
	basic := [2]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("at:pw"))}
	signature := [2]string{"X-Signature", hex.EncodeToString(sign(callee))}
	for name, row := range map[string]struct {
		from, token string
		headers     [][2]string
		want        int
	}{
		"all":                  {known, "demo", [][2]string{basic, signature}, 200},
		"all but the address":  {other, "demo", [][2]string{basic, signature}, 403},
		"all but the token":    {known, "dem0", [][2]string{basic, signature}, 403},
		"all but the password": {known, "demo", [][2]string{signature}, 403},
		"all but a signature":  {known, "demo", [][2]string{basic}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := knock{from: row.from, token: row.token, body: callee, headers: row.headers}.at(t, all)
			require.Equal(t, row.want, status)
		})
	}
}

func TestDoorIsBuiltWholeOrNotAtAll(t *testing.T) {
	_, err := ussd.NewDoor(ussd.DoorOptions{
		Sources: []string{"18.133.205.0/33"}, TrustedProxies: []string{"proxy"}, User: "at", SignatureHeader: "X-Signature",
	})
	for _, part := range []string{"18.133.205.0/33", `"proxy"`, "token", "basic auth", "signature"} {
		require.ErrorContains(t, err, part)
	}
}

func TestMountRefusesWhatIsNotWhole(t *testing.T) {
	r := newRig(t, nil)
	door, err := ussd.NewDoor(ussd.DoorOptions{Token: secret.New("x")})
	require.NoError(t, err)
	err = ussd.Mount(web.New(web.Options{}), r.p, []ussd.Gateway{
		{}, {Turn: africastalking.Gateway{}, Door: door}, {Name: gateway, Turn: africastalking.Gateway{}},
	})
	for _, part := range []string{"a Turn or an Async", "has no terms", "has no door"} {
		require.ErrorContains(t, err, part)
	}
}

// TestOverloadIsAnsweredInTheGatewaysWords: the HTTP app refuses before any handler.
func TestOverloadIsAnsweredInTheGatewaysWords(t *testing.T) {
	r := newRig(t, func(t *ussd.Terms) { t.Name = "africastalking" })
	door, err := ussd.NewDoor(ussd.DoorOptions{Token: secret.New("demo")})
	require.NoError(t, err)
	require.NoError(t, ussd.Mount(web.New(web.Options{}), r.p, []ussd.Gateway{{Door: door, Turn: africastalking.Gateway{}}}))
	full := fault.New(fault.ServiceUnavailable, "full")
	for name, test := range map[string]struct {
		path, body string
		status     int
		want       string
	}{
		"a dial":        {"/ussd/africastalking/demo", callee, 200, "END Sorry, try later. Ref "},
		"an event":      {"/ussd/africastalking/demo/events", callee, 200, "OK"},
		"a wrong token": {"/ussd/africastalking/guess", callee, 403, ""},
		"undecodable":   {"/ussd/africastalking/demo", "text=", 400, "VALIDATION_ERROR"},
		"no such route": {"/ussd/africastalking/demo/other", callee, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			app := fiber.New(fiber.Config{Immutable: true})
			app.Use(func(c *fiber.Ctx) error { return r.p.WebDoor().Sorry(c, full) })
			var c fasthttp.RequestCtx
			c.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.ParseIP(other)}, nil)
			c.Request.SetRequestURI(test.path)
			c.Request.Header.SetMethod(fiber.MethodPost)
			c.Request.Header.SetContentType(fiber.MIMEApplicationForm)
			c.Request.SetBodyString(test.body)
			app.Handler()(&c)
			require.Equal(t, test.status, c.Response.StatusCode())
			require.Contains(t, string(c.Response.Body()), test.want)
		})
	}
}
