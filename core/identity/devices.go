package identity

import (
	"context"
	"crypto"
	"encoding/base64"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/secret"
	"nova/sql"
)

const (
	// maxDevices is how many devices one subject may have bound: a phone, a tablet, and the next phone.
	maxDevices = 5
	// DefaultNewFor is how long a device counts as new: time for its subject to read the SMS and call.
	DefaultNewFor = 24 * time.Hour
	// maxPlatform and maxModel bound what an app says of its device.
	maxPlatform = 32
	maxModel    = 64
)

// DeviceOptions are what Devices is made of. NewFor is how long a device is new; 0 means DefaultNewFor.
type DeviceOptions struct {
	DB     *sql.DB
	OTPs   *OTPs
	Tokens *Tokens
	Clock  clock.Clock
	NewFor time.Duration
}

// Devices knows the devices that people have bound, by their public keys. A money call from an app is signed by the
// key of its device, so a stolen token is worth nothing elsewhere. It is safe for concurrent use.
type Devices struct {
	db     *sql.DB
	otps   *OTPs
	tokens *Tokens
	clock  clock.Clock
	newFor time.Duration
	store  store
}

// NewDevices joins the parts.
func NewDevices(o DeviceOptions) *Devices {
	if o.NewFor <= 0 {
		o.NewFor = DefaultNewFor
	}
	return &Devices{db: o.DB, otps: o.OTPs, tokens: o.Tokens, clock: o.Clock, newFor: o.NewFor, store: newStore()}
}

// NewDevice is a device to bind. Key is a JWK; OTP is the otp_token of a code for device_bind, which may itself be bound
// to the key's thumbprint; Session is the sign-in that binds, zero for none.
type NewDevice struct {
	Subject                 Subject
	Device, Platform, Model string
	Key                     []byte
	OTP                     secret.Text
	Session                 uuid.UUID
	Via                     Via
}

// Device is a bound device, as its owner sees it.
type Device struct {
	ID                      uuid.UUID
	Device, Platform, Model string
	// Thumbprint names the key (RFC 7638).
	Thumbprint string
	BoundAt    time.Time
	// New: it was bound so lately that more is asked of it.
	New bool
}

// deviceRow is a row of devices.
type deviceRow struct {
	ID         uuid.UUID `db:"id"`
	Device     string    `db:"device"`
	Platform   string    `db:"platform"`
	Model      string    `db:"model"`
	PublicKey  string    `db:"public_key"`
	Thumbprint []byte    `db:"thumbprint"`
	BoundAt    time.Time `db:"bound_at"`
}

// Bind binds a device, against a code that went to its owner's number. The same device bound before with another key
// (an app installed anew) is replaced, and its sign-ins end. Errors: OTP_INVALID and OTP_EXPIRED; DUPLICATE_ENTITY for
// a key that is somebody else's, or was; INVALID_STATE where there are too many. The session may say from its next
// refresh on that it is the device's.
func (d *Devices) Bind(ctx context.Context, n NewDevice) (Device, error) {
	key, err := n.check()
	if err != nil {
		return Device{}, err
	}
	var bound Device
	var ended []uuid.UUID
	err = d.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := d.store.lockCredentials(ctx, tx, []uuid.UUID{n.Subject.ID}); err != nil {
			return err
		}
		err := d.otps.UseIn(ctx, tx, n.OTP, OTPUse{Purpose: OTPDeviceBind, Subject: n.Subject, Object: key.name()})
		if err != nil {
			return err
		}
		if ended, err = d.replaceIn(ctx, tx, n, key); err != nil {
			return err
		}
		if bound, err = d.bindIn(ctx, tx, n, key); err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, d.clock.Now(), n.Via.done(actBind, n.Subject, map[string]string{
			audit.DetailDevice: n.Device, audit.DetailPlatform: n.Platform, audit.DetailKey: key.name(),
		}))
	})
	if err != nil {
		return Device{}, err
	}
	d.tokens.revoked.note(ended...)
	return bound, nil
}

func (n NewDevice) check() (deviceKey, error) {
	if n.Subject.Kind != Customer && n.Subject.Kind != Operator {
		return deviceKey{}, fault.New(fault.CodeForbidden, "a %s binds no device", n.Subject.Kind)
	}
	for _, field := range []struct {
		name, value string
		least, most int
	}{
		{"device_id", n.Device, 1, maxDevice}, {"platform", n.Platform, 1, maxPlatform}, {"model", n.Model, 0, maxModel},
	} {
		if !printable(field.value) || len(field.value) < field.least || len(field.value) > field.most {
			return deviceKey{}, fault.New(fault.ValidationError, "a device's %s of %d bytes", field.name, len(field.value)).
				Field(field.name, fmt.Sprintf("must have %d to %d printable characters", field.least, field.most))
		}
	}
	return parseDeviceKey(n.Key)
}

// printable reports whether a name holds nothing that hides or breaks a line.
func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// name is the key's thumbprint as a code may be bound to it.
func (k deviceKey) name() string { return base64.RawURLEncoding.EncodeToString(k.thumbprint[:]) }

// replaceIn makes room: what stood under the device's name goes, and there must be fewer than the most. Called with the
// subject's row locked.
func (d *Devices) replaceIn(ctx context.Context, tx *sql.Tx, n NewDevice, key deviceKey) ([]uuid.UUID, error) {
	old, err := d.store.devicesOf(ctx, tx, n.Subject, maxDevices+1)
	if err != nil {
		return nil, err
	}
	others, replaces := 0, false
	for _, row := range old {
		switch {
		case row.Device == n.Device:
			replaces = string(row.Thumbprint) != string(key.thumbprint[:])
		case string(row.Thumbprint) != string(key.thumbprint[:]):
			others++
		}
	}
	if others >= maxDevices {
		return nil, fault.New(fault.InvalidState, "%s has %d devices", n.Subject.ID, others).
			Field("device_id", "needs another device to be unbound first")
	}
	if !replaces {
		return nil, nil
	}
	ended, _, err := d.unbindIn(ctx, tx, n.Subject, n.Device)
	return ended, err
}

func (d *Devices) bindIn(ctx context.Context, tx *sql.Tx, n NewDevice, key deviceKey) (Device, error) {
	now := d.clock.Now()
	row := deviceRow{
		ID: ids.New(now), Device: n.Device, Platform: n.Platform, Model: n.Model, PublicKey: key.text,
		Thumbprint: key.thumbprint[:], BoundAt: now,
	}
	var bound bool
	var err error
	if row.ID, bound, err = d.store.bindDevice(ctx, tx, n.Subject, row); err != nil {
		return Device{}, err
	}
	if !bound {
		return Device{}, fault.New(fault.DuplicateEntity, "the key is bound to another subject").
			Field("public_key", "is in use")
	}
	return d.shown(row), d.store.bindFamily(ctx, tx, n.Session, n.Subject.ID, n.Device)
}

func (d *Devices) shown(row deviceRow) Device {
	return Device{
		ID: row.ID, Device: row.Device, Platform: row.Platform, Model: row.Model,
		Thumbprint: base64.RawURLEncoding.EncodeToString(row.Thumbprint), BoundAt: row.BoundAt.UTC(),
		New: d.New(row.BoundAt),
	}
}

// New reports whether a device that was bound then still counts as new.
func (d *Devices) New(boundAt time.Time) bool { return d.clock.Now().Before(boundAt.Add(d.newFor)) }

// List shows a subject's devices, the newest first.
func (d *Devices) List(ctx context.Context, sub Subject) ([]Device, error) {
	rows, err := d.store.devicesOf(ctx, d.db, sub, maxListed)
	list := make([]Device, len(rows))
	for i, row := range rows {
		list[i] = d.shown(row)
	}
	return list, err
}

// Unbind takes a device from its subject, lost or sold: its key signs nothing any more, and who is signed in with it is
// out. A device that is not bound is a NOT_FOUND.
func (d *Devices) Unbind(ctx context.Context, sub Subject, device string, via Via) error {
	var ended []uuid.UUID
	err := d.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var unbound bool
		var err error
		if ended, unbound, err = d.unbindIn(ctx, tx, sub, device); err != nil {
			return err
		}
		if !unbound {
			return fault.New(fault.NotFound, "%s has no such device", sub.ID)
		}
		return audit.RecordIn(ctx, tx, d.clock.Now(), via.done(actUnbind, sub, map[string]string{audit.DetailDevice: device}))
	})
	if err == nil {
		d.tokens.revoked.note(ended...)
	}
	return err
}

func (d *Devices) unbindIn(ctx context.Context, tx *sql.Tx, sub Subject, device string) ([]uuid.UUID, bool, error) {
	now := d.clock.Now()
	unbound, err := d.store.unbindDevice(ctx, tx, sub.ID, device, now)
	if err != nil || !unbound {
		return nil, false, err
	}
	ended, err := d.store.revokeDevice(ctx, tx, sub.ID, device, now)
	return ended, true, err
}

// DeviceKey is the key that a subject's device signs with, an *ecdsa.PublicKey on P-256 or an ed25519.PublicKey, and
// since when it is bound. A device that is not bound to the subject is a DEVICE_NOT_BOUND.
func (d *Devices) DeviceKey(ctx context.Context, sub Subject, device string) (crypto.PublicKey, time.Time, error) {
	row, found, err := d.store.device(ctx, d.db, sub, device)
	if err != nil {
		return nil, time.Time{}, err
	}
	if !found {
		return nil, time.Time{}, fault.New(fault.DeviceNotBound, "%s has no such device", sub.ID)
	}
	key, err := parseDeviceKey([]byte(row.PublicKey))
	if err != nil {
		// A key that was taken once and is none now is our fault, and not the caller's.
		return nil, time.Time{}, fmt.Errorf("read the key of device %s: %v", row.ID, err) //nolint:errorlint // the fault ends here
	}
	return key.public, row.BoundAt.UTC(), nil
}
