package web

import (
	"context"
	"crypto"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"nova/channels/web/httpsig"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/policy"
)

// Devices knows the keys that people's devices sign with. *identity.Devices is it.
type Devices interface {
	// DeviceKey is the key of a subject's device, and since when it is bound; DEVICE_NOT_BOUND for a device that is not.
	DeviceKey(ctx context.Context, subject identity.Subject, device string) (crypto.PublicKey, time.Time, error)
	// New tells that a device was bound so lately that more is asked of it.
	New(boundAt time.Time) bool
}

// noDevices is the Devices of an app that was given none.
type noDevices struct{}

func (noDevices) DeviceKey(context.Context, identity.Subject, string) (crypto.PublicKey, time.Time, error) {
	return nil, time.Time{}, fault.New(fault.DeviceNotBound, "no devices are known")
}

func (noDevices) New(time.Time) bool { return false }

// person tells that the caller is somebody with a phone; clients and staff have no device of theirs.
func (v *visit) person() bool {
	return v.caller.Kind == identity.Customer || v.caller.Kind == identity.Operator
}

// device is how the caller's device stands.
func (v *visit) device() policy.DeviceState {
	switch {
	case !v.person():
		return policy.NoDevice
	case v.caller.Device == "":
		return policy.UnboundDevice
	case v.newDevice:
		return policy.NewDevice
	}
	return policy.BoundDevice
}

// checkSignature verifies, where the route asks for it, that a person's request was signed by the key of the device that
// their token is bound to (RFC 9421). What was signed may come again within a minute: its idempotency key, which is signed
// with it, gives the first answer then.
func (a *App) checkSignature(c *fiber.Ctx, v *visit) error {
	if !v.access.Signed || !v.person() {
		return nil
	}
	if v.caller.Device == "" {
		return fault.New(fault.DeviceNotBound, "%s has no device", v.caller)
	}
	key, boundAt, err := a.o.Devices.DeviceKey(c.UserContext(), v.caller.Subject(), v.caller.Device)
	if err != nil {
		return err
	}
	err = httpsig.Verify(a.signedRequest(c), httpsig.Check{
		Key: key, KeyID: v.caller.Device, Required: httpsig.Device, Now: a.o.Clock.Now(),
	})
	if err != nil {
		return fault.Wrap(err, fault.Unauthorized, "request of %s is not signed by its device", v.caller)
	}
	v.signed, v.newDevice = true, a.o.Devices.New(boundAt)
	return nil
}

// signedRequest is the request as its sender signed it.
func (a *App) signedRequest(c *fiber.Ctx) httpsig.Request {
	h := &c.Request().Header
	public := a.o.PublicURL
	if public == "" {
		public = "http://" + string(h.Host())
	}
	return httpsig.Request{
		Method: c.Method(), TargetURI: strings.TrimSuffix(public, "/") + string(h.RequestURI()), Body: c.Request().Body(),
		Header: func(name string) []string {
			var values []string
			for _, value := range h.PeekAll(name) {
				values = append(values, string(value))
			}
			return values
		},
	}
}
