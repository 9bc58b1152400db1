package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/secret"
)

var b64 = base64.RawURLEncoding.EncodeToString

func (p *post) devices() *identity.Devices {
	return identity.NewDevices(identity.DeviceOptions{DB: p.db, OTPs: p.otps, Tokens: p.tokens, Clock: p.clock})
}

func p256JWK(t *testing.T) (string, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := key.PublicKey.Bytes()
	require.NoError(t, err)
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, b64(point[1:33]), b64(point[33:])), key
}

func edJWK(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q,"kid":"phone"}`, b64(public))
}

// phone is a device to bind, against a fresh code.
func (p *post) phone(name, jwk string) identity.NewDevice {
	p.t.Helper()
	p.clock.Advance(13 * time.Minute) // codes are sent now and then only
	return identity.NewDevice{
		Subject: p.person, Device: name, Platform: "android", Model: "A14", Key: []byte(jwk),
		OTP: p.token(identity.OTPDeviceBind, ""),
	}
}

func TestABoundDeviceIsFoundByItsKey(t *testing.T) {
	p := newPost(t)
	devices := p.devices()
	jwk, key := p256JWK(t)
	before := p.in()
	n := p.phone("pixel-1", jwk)
	n.Session = before.Session
	bound, err := devices.Bind(t.Context(), n)
	require.NoError(t, err)
	require.True(t, bound.New)
	public, since, err := devices.DeviceKey(t.Context(), p.person, "pixel-1")
	require.NoError(t, err)
	require.True(t, key.PublicKey.Equal(public))
	require.Equal(t, bound.BoundAt, since)

	next, err := p.refresh(before.Refresh)
	require.NoError(t, err)
	require.True(t, next.DeviceBound, "the sign-in that bound it is its own")
	require.Equal(t, "pixel-1", p.verified(next.Access).Device)
	with := p.typing(rightPIN)
	with.Device = "pixel-1"
	in, err := p.signIns.SignIn(t.Context(), with)
	require.NoError(t, err)
	require.Equal(t, "pixel-1", p.verified(in.Access).Device)
	with.Device = "pixel-2"
	in, err = p.signIns.SignIn(t.Context(), with)
	require.NoError(t, err)
	require.False(t, in.DeviceBound)
	require.Empty(t, p.verified(in.Access).Device, "a name is no device")

	p.clock.Advance(24 * time.Hour)
	list, err := devices.List(t.Context(), p.person)
	require.NoError(t, err)
	bound.New = false
	require.Equal(t, []identity.Device{bound}, list)
}

func TestALostDeviceIsOut(t *testing.T) {
	p := newPost(t)
	devices := p.devices()
	_, err := devices.Bind(t.Context(), p.phone("lost", edJWK(t)))
	require.NoError(t, err)
	with := p.typing(rightPIN)
	with.Device = "lost"
	lost, err := p.signIns.SignIn(t.Context(), with)
	require.NoError(t, err)
	elsewhere := p.in()
	require.NoError(t, devices.Unbind(t.Context(), p.person, "lost", identity.Via{}))
	_, err = p.tokens.Verify(t.Context(), lost.Access)
	refused(t, err, fault.Unauthorized)
	_, err = p.refresh(lost.Refresh)
	refused(t, err, fault.Unauthorized)
	p.verified(elsewhere.Access)
	_, _, err = devices.DeviceKey(t.Context(), p.person, "lost")
	refused(t, err, fault.DeviceNotBound)
	refused(t, devices.Unbind(t.Context(), p.person, "lost", identity.Via{}), fault.NotFound)
}

func TestADeviceThatIsNotBound(t *testing.T) {
	good, _ := p256JWK(t)
	private := strings.Replace(good, "{", `{"d":"AAAA",`, 1)
	point := strings.SplitAfter(good, `"y":"`)
	offCurve := point[0] + b64(make([]byte, 32)) + `"}`
	rows := []struct {
		name  string
		edit  func(n *identity.NewDevice)
		code  fault.Code
		field string
	}{
		{"no code", func(n *identity.NewDevice) { n.OTP = secret.Text{} }, fault.OTPInvalid, "otp_token"},
		{"somebody else's code", func(n *identity.NewDevice) { n.Subject.ID = ids.New(noon) }, fault.OTPInvalid, "otp_token"},
		{"a client's", func(n *identity.NewDevice) { n.Subject.Kind = identity.Client }, fault.CodeForbidden, ""},
		{"no name", func(n *identity.NewDevice) { n.Device = "" }, fault.ValidationError, "device_id"},
		{"a long name", func(n *identity.NewDevice) { n.Device = strings.Repeat("d", 65) }, fault.ValidationError, "device_id"},
		{"a name over two lines", func(n *identity.NewDevice) { n.Device = "a\nb" }, fault.ValidationError, "device_id"},
		{"no platform", func(n *identity.NewDevice) { n.Platform = "" }, fault.ValidationError, "platform"},
		{"a long model", func(n *identity.NewDevice) { n.Model = strings.Repeat("m", 65) }, fault.ValidationError, "model"},
		{"no key", func(n *identity.NewDevice) { n.Key = nil }, fault.ValidationError, "public_key"},
		{"a private key", func(n *identity.NewDevice) { n.Key = []byte(private) }, fault.ValidationError, "public_key"},
		{"a point off the curve", func(n *identity.NewDevice) { n.Key = []byte(offCurve) }, fault.ValidationError, "public_key"},
		{"a padded coordinate", func(n *identity.NewDevice) {
			n.Key = []byte(strings.Replace(good, `","y"`, `=","y"`, 1))
		}, fault.ValidationError, "public_key"},
		{"RSA", func(n *identity.NewDevice) { n.Key = []byte(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`) }, fault.ValidationError, "public_key"},
		{"a shared secret", func(n *identity.NewDevice) { n.Key = []byte(`{"kty":"oct","k":"AAAA"}`) }, fault.ValidationError, "public_key"},
		{"P-384", func(n *identity.NewDevice) {
			n.Key = []byte(strings.Replace(good, "P-256", "P-384", 1))
		}, fault.ValidationError, "public_key"},
		{"a short Ed25519 key", func(n *identity.NewDevice) {
			n.Key = []byte(`{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`)
		}, fault.ValidationError, "public_key"},
		{"two keys", func(n *identity.NewDevice) { n.Key = []byte(good + good) }, fault.ValidationError, "public_key"},
		{"a long key", func(n *identity.NewDevice) {
			n.Key = []byte(strings.Replace(good, "{", `{"kid":"`+strings.Repeat("k", 1024)+`",`, 1))
		}, fault.ValidationError, "public_key"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := newPost(t)
			n := p.phone("pixel-1", good)
			row.edit(&n)
			_, err := p.devices().Bind(t.Context(), n)
			f := refused(t, err, row.code)
			if row.field != "" {
				require.Contains(t, f.Fields, row.field)
			}
			require.Zero(t, p.count(`select count(*) from devices`))
			require.Zero(t, p.count(`select count(*) from otps where spent_at is not null`))
		})
	}
}

func TestAKeyIsOneSubjectsForEver(t *testing.T) {
	p := newPost(t)
	devices, jwk := p.devices(), edJWK(t)
	_, err := devices.Bind(t.Context(), p.phone("mine", jwk))
	require.NoError(t, err)
	require.NoError(t, devices.Unbind(t.Context(), p.person, "mine", identity.Via{}))
	mine := p.person
	p.person = identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}
	_, err = devices.Bind(t.Context(), p.phone("theirs", jwk))
	require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, "public_key")
	p.person = mine
	again, err := devices.Bind(t.Context(), p.phone("found", jwk))
	require.NoError(t, err, "its own subject may bind it again")
	require.Equal(t, "found", again.Device)
	require.True(t, again.New)
}

func TestAnAppInstalledAnewReplacesItsKey(t *testing.T) {
	p := newPost(t)
	devices := p.devices()
	_, err := devices.Bind(t.Context(), p.phone("pixel-1", edJWK(t)))
	require.NoError(t, err)
	with := p.typing(rightPIN)
	with.Device = "pixel-1"
	old, err := p.signIns.SignIn(t.Context(), with)
	require.NoError(t, err)
	_, err = devices.Bind(t.Context(), p.phone("pixel-1", edJWK(t)))
	require.NoError(t, err)
	_, err = p.refresh(old.Refresh)
	refused(t, err, fault.Unauthorized)
	list, err := devices.List(t.Context(), p.person)
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestFiveDevicesAreEnough(t *testing.T) {
	p := newPost(t)
	devices := p.devices()
	for i := range 5 {
		_, err := devices.Bind(t.Context(), p.phone(fmt.Sprint("d", i), edJWK(t)))
		require.NoError(t, err)
	}
	sixth := p.phone("d6", edJWK(t))
	_, err := devices.Bind(t.Context(), sixth)
	refused(t, err, fault.InvalidState)
	require.NoError(t, devices.Unbind(t.Context(), p.person, "d0", identity.Via{}))
	_, err = devices.Bind(t.Context(), sixth)
	require.NoError(t, err, "the code was not used up by the refusal")
}

func TestOneCodeBindsOneDevice(t *testing.T) {
	p := newPost(t)
	devices, n := p.devices(), p.phone("d", edJWK(t))
	phones := make([]identity.NewDevice, 6)
	for i := range phones {
		phones[i] = n
		phones[i].Device, phones[i].Key = fmt.Sprint("d", i), []byte(edJWK(t))
	}
	counts := outcomes(atOnce(len(phones), func(i int) error {
		_, err := devices.Bind(t.Context(), phones[i])
		return err
	}))
	require.Equal(t, map[fault.Code]int{"": 1, fault.OTPInvalid: 5}, counts)
	require.Equal(t, 1, p.count(`select count(*) from devices`))
}
