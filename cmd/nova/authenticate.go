package main

import (
	"context"

	"nova/channels/web"
	"nova/core/identity"
	"nova/core/secret"
)

type authenticator struct{ tokens *identity.Tokens }

func (a authenticator) Verify(ctx context.Context, token string) (web.Principal, error) {
	p, err := a.tokens.Verify(ctx, secret.New(token))
	return web.Principal{Kind: string(p.Kind), ID: p.ID, Scopes: p.Scopes, Purposes: p.Purposes, AAL: p.AAL, AMR: p.AMR, Device: p.Device}, err
}
