package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

// mountDevices adds a side's devices and sign-ins: each person's own.
func (s *side) mountDevices(app *web.App) {
	self := web.Self(s.kind)
	bind := s.operation(http.MethodPost, "auth_device_bind", "/auth/device-bind", "Bind a device by its public key", http.StatusCreated,
		self.Limited(web.RateOTP))
	bind.Description = "From its next refresh on the sign-in is the device's, and every call that moves money is signed by the key: " +
		"RFC 9421 over @method, @target-uri, content-digest, authorization and idempotency-key, with created, and the device_id as keyid."
	bind.Errors = append(bind.Errors, http.StatusConflict, http.StatusGone)
	web.Register(app, bind, s.bind)
	web.Register(app, s.operation(http.MethodGet, "device_list", "/auth/devices", "One's bound devices, the newest first", http.StatusOK, self),
		s.devices)
	unbind := s.operation(http.MethodDelete, "device_unbind", "/auth/devices/{device_id}",
		"Unbind a device, lost or sold: its sign-ins end, and its key signs nothing more", http.StatusNoContent, self)
	unbind.Errors = append(unbind.Errors, http.StatusNotFound)
	web.Register(app, unbind, s.unbind)
	web.Register(app, s.operation(http.MethodGet, "session_list", "/auth/sessions", "Where one is signed in, the newest first", http.StatusOK, self),
		s.sessions)
	end := s.operation(http.MethodDelete, "session_end", "/auth/sessions/{session_id}", "End one of one's sign-ins", http.StatusNoContent, self)
	end.Errors = append(end.Errors, http.StatusNotFound)
	web.Register(app, end, s.endSession)
}

// JWK is a device's public key (RFC 7517): on P-256, or Ed25519. What is no public part of it is refused.
type JWK struct {
	KeyType string `json:"kty" enum:"EC,OKP" example:"OKP"`
	Curve   string `json:"crv" enum:"P-256,Ed25519" example:"Ed25519"`
	X       string `json:"x" example:"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" minLength:"1" maxLength:"64"`
	Y       string `json:"y,omitempty" doc:"On P-256" maxLength:"64"`
}

type bindInput struct {
	DeviceHeader
	Body struct {
		DeviceID  string      `json:"device_id" doc:"The app's own name of its device" example:"7d0f6a52-phone" pattern:"^[A-Za-z0-9][A-Za-z0-9_:-]{0,63}$"`
		Platform  string      `json:"platform" example:"android" minLength:"1" maxLength:"32"`
		Model     string      `json:"model,omitempty" example:"Pixel 8" maxLength:"64"`
		PublicKey JWK         `json:"public_key"`
		OTPToken  secret.Text `json:"otp_token" doc:"Of a code for device_bind" maxLength:"100" minLength:"1"`
	}
}

// BoundDevice is a device as its owner sees it.
type BoundDevice struct {
	DeviceID   string `json:"device_id" example:"7d0f6a52-phone"`
	Status     string `json:"status" enum:"bound" example:"bound"`
	Platform   string `json:"platform" example:"android"`
	Model      string `json:"model,omitempty" example:"Pixel 8"`
	Thumbprint string `json:"key_thumbprint" doc:"Of its key (RFC 7638)"`
	New        bool   `json:"new" doc:"Bound so lately that money calls ask for a second factor"`
	BoundAt    Time   `json:"bound_at"`
}

func boundDevice(d identity.Device) BoundDevice {
	return BoundDevice{
		DeviceID: d.Device, Status: "bound", Platform: d.Platform, Model: d.Model, Thumbprint: d.Thumbprint, New: d.New,
		BoundAt: Time(d.BoundAt),
	}
}

type boundOutput struct{ Body BoundDevice }

// bind answers POST .../auth/device-bind.
func (s *side) bind(ctx context.Context, in *bindInput) (*boundOutput, error) {
	p, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	device, err := in.device(in.Body.DeviceID)
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal(in.Body.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	d, err := s.Apps.Devices.Bind(ctx, identity.NewDevice{
		Subject: p.Subject(), Device: device, Platform: in.Body.Platform, Model: in.Body.Model, Key: key, OTP: in.Body.OTPToken,
		Session: p.Session, Via: web.Via(ctx, s.kind),
	})
	if err != nil {
		return nil, err
	}
	return &boundOutput{Body: boundDevice(d)}, nil
}

// DeviceList is all of somebody's devices: there are few.
type DeviceList struct {
	Page
	Data []BoundDevice `json:"data"`
}

type devicesOutput struct{ Body DeviceList }

// devices answers GET .../auth/devices.
func (s *side) devices(ctx context.Context, _ *struct{}) (*devicesOutput, error) {
	p, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.Apps.Devices.List(ctx, p.Subject())
	list := DeviceList{Page: Page{Object: listObject}, Data: make([]BoundDevice, len(found))}
	for i, d := range found {
		list.Data[i] = boundDevice(d)
	}
	return &devicesOutput{Body: list}, err
}

type deviceInput struct {
	DeviceID string `path:"device_id" doc:"The app's own name of the device" example:"7d0f6a52-phone" maxLength:"64"`
}

// unbind answers DELETE .../auth/devices/{device_id}.
func (s *side) unbind(ctx context.Context, in *deviceInput) (*struct{}, error) {
	p, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	return nil, s.Apps.Devices.Unbind(ctx, p.Subject(), in.DeviceID, web.Via(ctx, s.kind))
}

// Session is one sign-in as its owner sees it.
type Session struct {
	SessionID string `json:"session_id" example:"01936b4e-5a0c-7d5e-8000-1234567890ab"`
	DeviceID  string `json:"device_id,omitempty" doc:"The bound device that it belongs to" example:"7d0f6a52-phone"`
	Channel   string `json:"channel" example:"app"`
	AAL       int    `json:"aal" example:"1"`
	Current   bool   `json:"current" doc:"The one that asks"`
	CreatedAt Time   `json:"created_at"`
	UsedAt    Time   `json:"used_at"`
	ExpiresAt Time   `json:"expires_at"`
}

// SessionList is all of somebody's sign-ins: there are few.
type SessionList struct {
	Page
	Data []Session `json:"data"`
}

type sessionsOutput struct{ Body SessionList }

// sessions answers GET .../auth/sessions.
func (s *side) sessions(ctx context.Context, _ *struct{}) (*sessionsOutput, error) {
	p, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.Apps.SignIns.List(ctx, p.Subject())
	list := SessionList{Page: Page{Object: listObject}, Data: make([]Session, len(found))}
	for i, f := range found {
		list.Data[i] = Session{
			SessionID: f.Session.String(), DeviceID: f.Device, Channel: f.Channel, AAL: f.AAL, Current: f.Session == p.Session,
			CreatedAt: Time(f.CreatedAt), UsedAt: Time(f.UsedAt), ExpiresAt: Time(f.ExpiresAt),
		}
	}
	return &sessionsOutput{Body: list}, err
}

type sessionInput struct {
	SessionID string `path:"session_id" doc:"Id of the sign-in" example:"01936b4e-5a0c-7d5e-8000-1234567890ab" maxLength:"36"`
}

// endSession answers DELETE .../auth/sessions/{session_id}.
func (s *side) endSession(ctx context.Context, in *sessionInput) (*struct{}, error) {
	p, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	session, err := uuid.Parse(in.SessionID)
	if err != nil {
		return nil, fault.New(fault.ValidationError, "id of a sign-in").Field("session_id", "is not an id of this kind")
	}
	return nil, s.Apps.SignIns.End(ctx, p.Subject(), session, web.Via(ctx, s.kind))
}
