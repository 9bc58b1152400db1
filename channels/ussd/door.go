package ussd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"nova/channels/web"
	"nova/core/secret"
)

// DoorOptions say who may call as a gateway. What is left empty is not asked for, but
// for the token, which every door has.
type DoorOptions struct {
	// Sources are the gateway's addresses, "18.133.205.228" or "196.201.212.0/22".
	Sources []string
	// TrustedProxies are ours: a call from one is its X-Forwarded-For's.
	TrustedProxies []string
	// Token is the last part of the path. Gateways that can't sign are told it once.
	Token secret.Text
	// User and Password are for basic auth.
	User     string
	Password secret.Text
	// SignatureHeader holds the HMAC-SHA256 of the body under SignatureKey, in hex or
	// base64, with or without "sha256=" before it.
	SignatureHeader string
	SignatureKey    secret.Text
}

// Door admits a gateway's calls. What it can't check it refuses.
type Door struct {
	DoorOptions
	sources, proxies []netip.Prefix
}

// NewDoor checks all options at once.
func NewDoor(o DoorOptions) (*Door, error) {
	d := &Door{DoorOptions: o}
	var noSources, noProxies error
	d.sources, noSources = web.ParseNetworks(o.Sources)
	d.proxies, noProxies = web.ParseNetworks(o.TrustedProxies)
	faults := []error{noSources, noProxies}
	if o.Token.IsZero() {
		faults = append(faults, errors.New("no path token"))
	}
	if (o.User == "") != o.Password.IsZero() {
		faults = append(faults, errors.New("basic auth takes a user and a password"))
	}
	if (o.SignatureHeader == "") != o.SignatureKey.IsZero() {
		faults = append(faults, errors.New("a signature takes a header and a key"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	return d, nil
}

// The reasons of a refusal, for logs and metrics; the caller is told none.
const (
	wrongAddress   = "address"
	wrongToken     = "token"
	wrongBasic     = "basic_auth"
	wrongSignature = "signature"
)

// refuses gives the reason to refuse a call, "" for none; token is the path's, as it
// stands there. Of the body it reads no more than the raw bytes, to sign them.
func (d *Door) refuses(c *fiber.Ctx, token string) (reason string) {
	switch {
	case !d.knowsAddress(c):
		return wrongAddress
	case !d.knowsToken(token):
		return wrongToken
	case !d.knowsUser(c):
		return wrongBasic
	case !d.knowsSignature(c):
		return wrongSignature
	}
	return ""
}

func (d *Door) knowsAddress(c *fiber.Ctx) bool {
	if len(d.sources) == 0 {
		return true
	}
	from, ok := web.Source(c, d.proxies)
	return ok && web.Within(from, d.sources)
}

func (d *Door) knowsToken(segment string) bool {
	token, err := url.PathUnescape(segment)
	return err == nil && d.Token.Equal(secret.New(token))
}

func (d *Door) knowsUser(c *fiber.Ctx) bool {
	if d.User == "" {
		return true
	}
	const scheme = "basic "
	header := c.Get(fiber.HeaderAuthorization)
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return false
	}
	given, err := base64.StdEncoding.DecodeString(header[len(scheme):])
	want := d.User + ":" + d.Password.Reveal()
	return err == nil && secret.New(want).Equal(secret.New(string(given)))
}

func (d *Door) knowsSignature(c *fiber.Ctx) bool {
	if d.SignatureHeader == "" {
		return true
	}
	given, ok := signature(c.Get(d.SignatureHeader))
	mac := hmac.New(sha256.New, []byte(d.SignatureKey.Reveal()))
	// The bytes as they came, before any Content-Encoding is believed.
	mac.Write(c.Request().Body())
	return ok && hmac.Equal(given, mac.Sum(nil))
}

func signature(header string) ([]byte, bool) {
	header = strings.TrimPrefix(strings.TrimSpace(header), "sha256=")
	if given, err := hex.DecodeString(header); err == nil {
		return given, len(given) == sha256.Size
	}
	given, err := base64.StdEncoding.DecodeString(header)
	return given, err == nil && len(given) == sha256.Size
}
