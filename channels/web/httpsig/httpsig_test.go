package httpsig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/web/httpsig"
)

// The keys of RFC 9421, B.1.3 and B.1.4.
const (
	rfcP256 = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----`
	rfcEd25519 = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----`
)

// rfcTime is the created of all the RFC's examples.
var rfcTime = time.Unix(1618884473, 0)

func rfcKey(t testing.TB, text string) crypto.PublicKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	require.NotNil(t, block)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(t, err)
	return key
}

// fields are a message's header, by lower-case names.
type fields map[string][]string

func (f fields) get(name string) []string { return f[name] }

// TestTheRFCsRequest is B.2.6: a minimal signature with Ed25519 over the example request of B.2.
func TestTheRFCsRequest(t *testing.T) {
	r := httpsig.Request{
		Method: "POST", TargetURI: "https://example.com/foo?param=Value&Pet=dog", Body: []byte(`{"hello": "world"}`),
		Header: fields{
			"date": {"Tue, 20 Apr 2021 02:07:55 GMT"}, "content-type": {"application/json"}, "content-length": {"18"},
			"signature-input": {`sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`},
			"signature":       {"sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"},
		}.get,
	}
	check := httpsig.Check{
		Key: rfcKey(t, rfcEd25519), KeyID: "test-key-ed25519", Now: rfcTime.Add(30 * time.Second),
		Required: []string{"@method", "@path", "@authority"},
	}
	require.NoError(t, httpsig.Verify(r, check))
	r.Method = "PUT"
	require.ErrorContains(t, httpsig.Verify(r, check), "not the key's")
}

// TestTheRFCsResponse is B.2.4: ECDSA on P-256 over the example response of B.2.
func TestTheRFCsResponse(t *testing.T) {
	input := `sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"`
	base := `"@status": 200
"content-type": application/json
"content-digest": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:
"content-length": 23
"@signature-params": ` + strings.TrimPrefix(input, "sig-b24=")
	signature, err := base64.StdEncoding.DecodeString("wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==")
	require.NoError(t, err)
	require.NoError(t, httpsig.VerifySigned(rfcKey(t, rfcP256), []byte(base), signature))
	require.Error(t, httpsig.VerifySigned(rfcKey(t, rfcP256), []byte(base+" "), signature))
	written, err := httpsig.Written(input)
	require.NoError(t, err)
	require.Equal(t, input, written)
}

// signed is a payment as an app sends it.
type signed struct {
	httpsig.Request
	fields fields
	check  httpsig.Check
}

var noon = time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)

const deviceID = "dev_01jd"

func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return map[string]crypto.Signer{"ed25519": ed, "ecdsa-p256-sha256": ec}
}

func payment(t testing.TB, key crypto.Signer) *signed {
	t.Helper()
	s := &signed{fields: fields{
		"authorization": {"Bearer token"}, "idempotency-key": {"0190c1de"}, "x-device-id": {deviceID},
	}}
	s.Request = httpsig.Request{
		Method: "POST", TargetURI: "https://api.nova.example/v1/txns/p2p?x=1", Header: s.fields.get, Body: []byte(`{"amount":"5.00"}`),
	}
	s.check = httpsig.Check{Key: key.Public(), KeyID: deviceID, Required: httpsig.Device, Now: noon}
	s.fields["content-digest"] = []string{httpsig.Digest(s.Body)}
	s.sign(t, httpsig.Signing{Key: key, KeyID: deviceID, Components: httpsig.Device, Created: noon})
	return s
}

func (s *signed) sign(t testing.TB, with httpsig.Signing) {
	t.Helper()
	input, signature, err := httpsig.Sign(s.Request, with)
	require.NoError(t, err)
	s.fields["signature-input"], s.fields["signature"] = []string{input}, []string{signature}
}

func (s *signed) replace(field, old, by string) {
	s.fields[field] = []string{strings.Replace(s.fields[field][0], old, by, 1)}
}

func TestWhatADeviceSignedIsAccepted(t *testing.T) {
	for alg, key := range keys(t) {
		t.Run(alg, func(t *testing.T) {
			s := payment(t, key)
			require.NoError(t, httpsig.Verify(s.Request, s.check))
			for _, skew := range []time.Duration{-time.Minute, time.Minute} {
				s.check.Now = noon.Add(skew)
				require.NoError(t, httpsig.Verify(s.Request, s.check), "a clock that is off by %s", skew)
			}
			require.NoError(t, httpsig.Verify(s.Request, s.check), "within its window it may come again: its idempotency key makes that harmless")
		})
	}
	t.Run("with more covered and more digests", func(t *testing.T) {
		key := keys(t)["ed25519"]
		s := payment(t, key)
		s.fields["content-digest"] = []string{"sha-512=:AAAA:, " + httpsig.Digest(s.Body)}
		s.sign(t, httpsig.Signing{Key: key, KeyID: deviceID, Created: noon, Components: append([]string{
			"x-device-id", "@scheme", "@authority", "@path", "@query", "@request-target",
		}, httpsig.Device...)})
		require.NoError(t, httpsig.Verify(s.Request, s.check))
	})
}

func TestRefusals(t *testing.T) {
	all := keys(t)
	ed, ec := all["ed25519"], all["ecdsa-p256-sha256"]
	other := keys(t)["ed25519"]
	covering := func(components ...string) func(*testing.T, *signed) {
		return func(t *testing.T, s *signed) {
			s.sign(t, httpsig.Signing{Key: ed, KeyID: deviceID, Components: components, Created: noon})
		}
	}
	without := func(name string) func(*testing.T, *signed) {
		var rest []string
		for _, c := range httpsig.Device {
			if c != name {
				rest = append(rest, c)
			}
		}
		return covering(rest...)
	}
	in := func(old, by string) func(*testing.T, *signed) {
		return func(_ *testing.T, s *signed) { s.replace("signature-input", old, by) }
	}
	rows := []struct {
		name   string
		change func(*testing.T, *signed)
		want   string
	}{
		{"no signature", func(_ *testing.T, s *signed) { delete(s.fields, "signature") }, "signature: 0 fields"},
		{"no input", func(_ *testing.T, s *signed) { delete(s.fields, "signature-input") }, "signature-input: 0 fields"},
		{"another method", func(_ *testing.T, s *signed) { s.Method = "PUT" }, "not the key's"},
		{"another path", func(_ *testing.T, s *signed) { s.TargetURI = "https://api.nova.example/v1/txns/pay?x=1" }, "not the key's"},
		{"another query", func(_ *testing.T, s *signed) { s.TargetURI = "https://api.nova.example/v1/txns/p2p?x=2" }, "not the key's"},
		{"another host", func(_ *testing.T, s *signed) { s.TargetURI = "https://evil.example/v1/txns/p2p?x=1" }, "not the key's"},
		{"a target that is not absolute", func(_ *testing.T, s *signed) { s.TargetURI = "/v1/txns/p2p" }, "not absolute"},
		{"another body", func(_ *testing.T, s *signed) { s.Body = []byte(`{"amount":"9.00"}`) }, "of another body"},
		{"another body with its digest", func(_ *testing.T, s *signed) {
			s.Body = []byte(`{"amount":"9.00"}`)
			s.fields["content-digest"] = []string{httpsig.Digest(s.Body)}
		}, "not the key's"},
		{"another token", func(_ *testing.T, s *signed) { s.fields["authorization"] = []string{"Bearer stolen"} }, "not the key's"},
		{"another idempotency key", func(_ *testing.T, s *signed) { s.fields["idempotency-key"] = []string{"0190c1df"} }, "not the key's"},
		{"a covered field twice", func(_ *testing.T, s *signed) {
			s.fields["authorization"] = append(s.fields["authorization"], "Bearer stolen")
		}, "not the key's"},
		{"a covered field that is missing", func(_ *testing.T, s *signed) { delete(s.fields, "idempotency-key") }, "covered field is missing"},
		{"a covered field with a line end in it", func(_ *testing.T, s *signed) {
			s.fields["idempotency-key"] = []string{"x\n\"@method\": GET"}
		}, "more than a line"},
		{"a digest of another algorithm alone", func(t *testing.T, s *signed) {
			s.fields["content-digest"] = []string{"sha-512=:AAAA:"}
			covering(httpsig.Device...)(t, s)
		}, "0 of sha-256"},
		{"two digests", func(t *testing.T, s *signed) {
			s.fields["content-digest"] = []string{httpsig.Digest(s.Body), httpsig.Digest(s.Body)}
			covering(httpsig.Device...)(t, s)
		}, "2 of sha-256"},
		{"a digest that is none", func(t *testing.T, s *signed) {
			s.fields["content-digest"] = []string{"sha-256=abc"}
			covering(httpsig.Device...)(t, s)
		}, "not one byte sequence"},

		{"no method covered", without("@method"), "does not cover @method"},
		{"no target covered", without("@target-uri"), "does not cover @target-uri"},
		{"no body covered", without("content-digest"), "does not cover content-digest"},
		{"no token covered", without("authorization"), "does not cover authorization"},
		{"no idempotency key covered", without("idempotency-key"), "does not cover idempotency-key"},
		{"nothing covered", covering(), "does not cover @method"},
		{"a component dropped", in(` "idempotency-key"`, ""), "does not cover idempotency-key"},
		{"a component added", in(`("@method"`, `("x-device-id" "@method"`), "not the key's"},
		{"a component twice", in(`("@method"`, `("@method" "@method"`), "stands twice"},
		{"a component in upper case", in(`("@method"`, `("X-Device-Id" "@method"`), "lower case"},
		{"a component with a parameter", in(`"content-digest"`, `"content-digest";sf`), "has parameters"},
		{"a component of another request", in(`"@method"`, `"@method";req`), "has parameters"},
		{"a derived component that there is not", in(`("@method"`, `("@query-param" "@method"`), "not known"},
		{"the parameters as a component", in(`("@method"`, `("@signature-params" "@method"`), "not known"},
		{"a component that is no text", in(`"@method"`, `@method`), "not a name"},
		{"too many components", in(`("@method"`, `(`+many(40)+`"@method"`), "more than 32"},

		{"a minute and a second old", func(_ *testing.T, s *signed) { s.check.Now = noon.Add(61 * time.Second) }, "1m1s ago"},
		{"a minute and a second early", func(_ *testing.T, s *signed) { s.check.Now = noon.Add(-61 * time.Second) }, "-1m1s ago"},
		{"made younger", in(fmt.Sprint("created=", noon.Unix()), fmt.Sprint("created=", noon.Unix()+30)), "not the key's"},
		{"no created", in(fmt.Sprint("created=", noon.Unix(), ";"), ""), "no created"},
		{"created twice", in("created=", "created=1;created="), "stands twice"},
		{"created as a text", in(fmt.Sprint("created=", noon.Unix()), `created="1"`), "not a number"},
		{"created before 1970", in("created=", "created=-"), "not a number"},
		{"created without a value", in(fmt.Sprint("created=", noon.Unix()), "created"), "has no value"},
		{"created out of range", in("created=", "created=999999"), "not a number"},
		{"expired", in(";keyid", fmt.Sprint(";expires=", noon.Unix(), ";keyid")), "has expired"},
		{"made to last longer", in(";keyid", fmt.Sprint(";expires=", noon.Unix()+9, ";keyid")), "not the key's"},

		{"another device's name", in(deviceID, "dev_other"), "of another key"},
		{"no name", in(`;keyid="`+deviceID+`"`, ""), "of another key"},
		{"a name as a token", in(`keyid="`+deviceID+`"`, "keyid="+deviceID), "not a text"},
		{"another device's key", func(t *testing.T, s *signed) {
			s.sign(t, httpsig.Signing{Key: other, KeyID: deviceID, Components: httpsig.Device, Created: noon})
		}, "not the key's"},
		{"a key of another kind", func(_ *testing.T, s *signed) { s.check.Key = ec.Public() }, "not the key's"},
		{"a key of a kind that is not taken", func(t *testing.T, s *signed) {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			require.NoError(t, err)
			s.check.Key = key.Public()
		}, "a key of type *rsa.PublicKey"},
		{"no key", func(_ *testing.T, s *signed) { s.check.Key = nil }, "a key of type <nil>"},
		{"another algorithm", in(";keyid", `;alg="hmac-sha256";keyid`), "another algorithm"},
		{"no algorithm", in(";keyid", `;alg="none";keyid`), "another algorithm"},
		{"an empty algorithm", in(";keyid", `;alg="";keyid`), "another algorithm"},
		{"an unknown parameter", in(";keyid", ";trust=1;keyid"), "not known"},
		{"a parameter without a name", in(";keyid", ";=1;keyid"), "not known"},

		{"another label", func(_ *testing.T, s *signed) { s.replace("signature", "sig=", "sig2=") }, "not of the one label"},
		{"no label", func(_ *testing.T, s *signed) { s.replace("signature", "sig=", "") }, "not of the one label"},
		{"two signatures in a field", func(_ *testing.T, s *signed) {
			s.fields["signature-input"][0] += `, b=("@method");created=1`
		}, "more than one signature"},
		{"one label twice", func(_ *testing.T, s *signed) {
			s.fields["signature-input"][0] += ", " + s.fields["signature-input"][0]
		}, "more than one signature"},
		{"two fields of inputs", func(_ *testing.T, s *signed) {
			s.fields["signature-input"] = append(s.fields["signature-input"], `b=("@method");created=1`)
		}, "2 fields"},
		{"two fields of signatures", func(_ *testing.T, s *signed) {
			s.fields["signature"] = append(s.fields["signature"], "b=:AA==:")
		}, "2 fields"},
		{"two signatures, one input", func(_ *testing.T, s *signed) { s.fields["signature"][0] += ", b=:AA==:" }, "not base64"},
		{"a signature that is not base64", func(_ *testing.T, s *signed) { s.replace("signature", "=:", "=:*") }, "not base64"},
		{"a signature that is a text", func(_ *testing.T, s *signed) { s.fields["signature"][0] = `sig="abc"` }, "not one byte sequence"},
		{"a signature cut short", func(_ *testing.T, s *signed) { s.fields["signature"][0] = "sig=:AAAA:" }, "not the key's"},
		{"an input without an end", func(_ *testing.T, s *signed) { s.fields["signature-input"][0] = `sig=("@method` }, "not a name"},
		{"an input that is no list", func(_ *testing.T, s *signed) { s.fields["signature-input"][0] = `sig="@method"` }, "not one labelled list"},
		{"an over-long label", func(_ *testing.T, s *signed) {
			s.fields["signature-input"][0] = strings.Repeat("a", 65) + "=()"
		}, "not one labelled list"},
		{"an over-long input", func(_ *testing.T, s *signed) { s.fields["signature-input"][0] += strings.Repeat(" ", 5000) }, "longer than"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := payment(t, ed)
			row.change(t, s)
			require.ErrorContains(t, httpsig.Verify(s.Request, s.check), row.want)
		})
	}
	t.Run("another curve", func(t *testing.T) {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		require.NoError(t, err)
		s := payment(t, ec)
		s.check.Key = key.Public()
		require.ErrorContains(t, httpsig.Verify(s.Request, s.check), "not the key's")
	})
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"x-%d" `, i)
	}
	return b.String()
}

func TestInputsAreWrittenStrictly(t *testing.T) {
	rows := []struct{ name, input, want string }{
		{"spaces between components", `a=(  "@method"   "date" );created=1`, `a=("@method" "date");created=1`},
		{"spaces before parameters", `a=("@method");  created=1;  keyid="x"`, `a=("@method");created=1;keyid="x"`},
		{"leading zeros", `a=();created=007`, `a=();created=7`},
		{"escapes", `a=();keyid="\"\\"`, `a=();keyid="\"\\"`},
		{"all that is known", `*a.b-c_1=("a");created=1;expires=2;nonce="n";alg="ed25519";keyid="k";tag="t"`,
			`*a.b-c_1=("a");created=1;expires=2;nonce="n";alg="ed25519";keyid="k";tag="t"`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			written, err := httpsig.Written(row.input)
			require.NoError(t, err)
			require.Equal(t, row.want, written)
		})
	}
}

func FuzzInput(f *testing.F) {
	for _, seed := range []string{
		`sig=("@method" "@target-uri");created=1700000000;keyid="x"`, `a=()`, `a=("x";sf)`, `a=("\"");nonce="\\"`, `a=(),b=()`, `=`, "a=(\"\x00\")",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		written, err := httpsig.Written(input)
		if err != nil {
			return
		}
		again, err := httpsig.Written(written)
		require.NoError(t, err, "what was written can be read")
		require.Equal(t, written, again)
	})
}

func FuzzVerify(f *testing.F) {
	key := keys(f)["ed25519"]
	good := payment(f, key)
	input, signature := good.fields["signature-input"][0], good.fields["signature"][0]
	f.Add(input, signature, good.fields["content-digest"][0], string(good.Body), good.TargetURI)
	f.Add("", "", "", "", "")
	f.Add(`a=("@query");created=1`, "a=::", "sha-256=::", "x", "http://h:80?")
	f.Fuzz(func(t *testing.T, in, sig, digest, body, target string) {
		s := payment(t, key)
		s.fields["signature-input"], s.fields["signature"] = []string{in}, []string{sig}
		s.fields["content-digest"] = []string{digest}
		s.Body, s.TargetURI = []byte(body), target
		if httpsig.Verify(s.Request, s.check) == nil {
			// Only the very message that was signed: written otherwise at most.
			require.Equal(t, good.TargetURI, target)
			require.Equal(t, string(good.Body), body)
			require.Contains(t, digest, httpsig.Digest(good.Body))
		}
	})
}

func TestSigningRefusesWhatItCantSign(t *testing.T) {
	s := payment(t, keys(t)["ed25519"])
	_, _, err := httpsig.Sign(s.Request, httpsig.Signing{Components: []string{"x-missing"}})
	require.ErrorContains(t, err, "missing")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, _, err = httpsig.Sign(s.Request, httpsig.Signing{Key: key, Created: noon})
	require.ErrorContains(t, err, "a key of type")
}

func TestPartsOfATarget(t *testing.T) {
	rows := []struct{ uri, authority, path, query, target string }{
		{"https://Example.COM:443/a%2Fb?x=1", "example.com", "/a%2Fb", "?x=1", "/a%2Fb?x=1"},
		{"http://h:80", "h", "/", "?", "/"},
		{"http://h:8080?x", "h:8080", "/", "?x", "/?x"},
		{"https://h/?", "h", "/", "?", "/"},
	}
	key := keys(t)["ed25519"]
	for _, row := range rows {
		t.Run(row.uri, func(t *testing.T) {
			// Signed as the parts are expected to be, as fields of the same lines, and verified as a target's.
			s := payment(t, key)
			s.TargetURI = row.uri
			s.fields["content-digest"] = []string{httpsig.Digest(s.Body)}
			s.sign(t, httpsig.Signing{Key: key, KeyID: deviceID, Created: noon, Components: []string{"@authority", "@path", "@query", "@request-target"}})
			base := fmt.Sprintf("\"@authority\": %s\n\"@path\": %s\n\"@query\": %s\n\"@request-target\": %s\n\"@signature-params\": %s",
				row.authority, row.path, row.query, row.target, strings.TrimPrefix(s.fields["signature-input"][0], "sig="))
			encoded := strings.Trim(strings.TrimPrefix(s.fields["signature"][0], "sig="), ":")
			signature, err := base64.StdEncoding.DecodeString(encoded)
			require.NoError(t, err)
			require.NoError(t, httpsig.VerifySigned(key.Public(), []byte(base), signature))
		})
	}
}
