package web

import (
	"context"
	"crypto/sha256"

	"nova/core/identity"
	"nova/core/policy"
)

// visit is what the house knows of one request. It is made when the request comes and filled on the way; a handler sees it
// through the functions that take its context.
type visit struct {
	app         *App
	correlation string
	// caller is who the token names; known: there is one, and it is good.
	caller identity.Principal
	known  bool
	// access is the route's, once one is found.
	access Access
	// address is the caller's, as limits count it.
	address string
	// counted: the limits were asked.
	counted bool
	// signed: the request was signed by the key of the device that the token names.
	signed bool
	// newDevice: the device was bound lately.
	newDevice bool
	// asked is what the policies were asked at the door, policy the id of the one that decided last, and request hashes the
	// request for a second factor.
	asked   policy.Request
	policy  string
	request func() [sha256.Size]byte
}

type visitKey struct{}

// visitOf is the request that ctx belongs to; an empty one outside of any.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// Caller is the verified caller of the request that ctx belongs to.
func Caller(ctx context.Context) (identity.Principal, bool) {
	v := visitOf(ctx)
	return v.caller, v.known
}

// Correlation is the id of the request that ctx belongs to; "" outside a request.
func Correlation(ctx context.Context) string { return visitOf(ctx).correlation }

// Via is who asked, and the door that the request of ctx came through, for the record of what is done. Before somebody has
// proved who they are, kind is what they say they are.
func Via(ctx context.Context, kind identity.Kind) identity.Via {
	v := visitOf(ctx)
	via := identity.Via{Channel: string(channels[kind]), Correlation: v.correlation, Address: v.address}
	if v.known {
		via.Actor, via.Channel = v.caller.String(), string(channels[v.caller.Kind])
	}
	return via
}

// Signed tells that the request of ctx was signed by its caller's bound device, on a route that asks for it.
func Signed(ctx context.Context) bool { return visitOf(ctx).signed }
