package rest

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/policy"
	"nova/core/secret"
)

// ScopeClients lets its holder manage API clients: those that hold no more than itself, where it is a client.
const ScopeClients = "clients"

// Clients keeps API clients. *identity.Clients is it.
type Clients interface {
	Create(ctx context.Context, n identity.NewClient) (identity.APIClient, secret.Text, error)
	ByID(ctx context.Context, id uuid.UUID) (identity.APIClient, error)
	List(ctx context.Context, after string, most int) (page []identity.APIClient, more bool, err error)
	Rotate(ctx context.Context, id uuid.UUID, via identity.Via) (identity.APIClient, secret.Text, error)
	Revoke(ctx context.Context, id uuid.UUID, via identity.Via) error
}

// mountClients adds the operations on API clients.
func (a *api) mountClients(app *web.App) {
	access := web.Needs(policy.ConfigChange, ScopeClients)
	const one = "/v1/clients/{client_id}"
	web.Register(app, manage("client_create", http.MethodPost, "/v1/clients",
		"Register an API client; its secret is shown once", clientsTag, http.StatusCreated, access), a.createClient)
	web.Register(app, get("client_list", "/v1/clients", clientsTag, "API clients, by name", access), a.listClients)
	web.Register(app, get("client_get", one, clientsTag, "One API client", access), a.client)
	web.Register(app, manage("client_rotate", http.MethodPost, one+"/rotate",
		"Give an API client a new secret, shown once; the one before stays good for a day", clientsTag, http.StatusOK, access),
		a.rotateClient)
	web.Register(app, manage("client_revoke", http.MethodDelete, one,
		"End an API client, its secrets and its tokens", clientsTag, http.StatusNoContent, access), a.revokeClient)
}

const clientsTag = "Clients"

// manage is an operation under a tag that is not a plain read.
func manage(id, method, path, summary, tag string, status int, access web.Access) web.Operation {
	op := change(id, method, path, summary, status, access)
	op.Tags = []string{tag}
	return op
}

// Client is another system that calls the API under its own name.
type Client struct {
	ClientID string   `json:"client_id" example:"cli_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Name     string   `json:"name" example:"billing"`
	Scopes   []string `json:"scopes" nullable:"false" example:"[\"wallets.read\"]"`
	Purposes []string `json:"purposes" nullable:"false" example:"[\"customer.account.view\"]"`
	Status   string   `json:"status" enum:"active,revoked" example:"active"`
	// The one before the last rotation.
	PreviousSecretUntil *Time `json:"previous_secret_until,omitempty" doc:"Until when the secret before the last rotation is good"`
	CreatedAt           Time  `json:"created_at"`
	RotatedAt           *Time `json:"rotated_at,omitempty"`
	RevokedAt           *Time `json:"revoked_at,omitempty"`
	LastUsedAt          *Time `json:"last_used_at,omitempty" doc:"To the minute"`
}

func apiClientOf(c identity.APIClient) Client {
	out := Client{
		ClientID: c.Subject().String(), Name: c.Name, Scopes: append([]string{}, c.Scopes...),
		Purposes: append([]string{}, c.Purposes...), Status: "active", PreviousSecretUntil: timeOrNone(c.PreviousUntil),
		CreatedAt: Time(c.CreatedAt), RotatedAt: timeOrNone(c.RotatedAt), RevokedAt: timeOrNone(c.RevokedAt),
		LastUsedAt: timeOrNone(c.LastUsedAt),
	}
	if !c.Active {
		out.Status = "revoked"
	}
	return out
}

type createClientInput struct {
	Body struct {
		Name     string   `json:"name" doc:"What the client may sign in under, beside its id" example:"billing" minLength:"1" maxLength:"100"`
		Scopes   []string `json:"scopes" nullable:"false" doc:"Parts of the API; none that the caller may not grant" example:"[\"wallets.read\"]" maxItems:"50"`
		Purposes []string `json:"purposes" nullable:"false" doc:"Why it will act; none that the caller may not grant" example:"[\"customer.account.view\"]" maxItems:"50"`
	}
}

// ClientWithSecret is a client with the secret that nobody sees again.
type ClientWithSecret struct {
	Client
	ClientSecret string `json:"client_secret" doc:"Shown once" example:"c2VjcmV0LW9mLTQzLWNoYXJhY3RlcnMtYW5kLW5vLW1vcmU"`
}

type clientSecretOutput struct{ Body ClientWithSecret }

// createClient answers POST /v1/clients.
func (a *api) createClient(ctx context.Context, in *createClientInput) (*clientSecretOutput, error) {
	if err := mayGrant(ctx, in.Body.Scopes, in.Body.Purposes); err != nil {
		return nil, err
	}
	c, key, err := a.Ops.Clients.Create(ctx, identity.NewClient{
		Name: in.Body.Name, Scopes: in.Body.Scopes, Purposes: in.Body.Purposes, Via: web.Via(ctx, identity.Client),
		Known: identity.Catalogue{Scopes: Scopes(), Purposes: catalogue()},
	})
	return secretOnce(c, key, err)
}

func secretOnce(c identity.APIClient, key secret.Text, err error) (*clientSecretOutput, error) {
	if err != nil {
		return nil, err
	}
	return &clientSecretOutput{Body: ClientWithSecret{Client: apiClientOf(c), ClientSecret: key.Reveal()}}, nil
}

// catalogue is every purpose that there is.
func catalogue() []string {
	var all []string
	for _, purpose := range policy.Purposes() {
		all = append(all, string(purpose))
	}
	return all
}

// mayGrant refuses a client that would give away more than it holds. Staff who come this far are administrators, who say what
// systems may do.
func mayGrant(ctx context.Context, scopes, purposes []string) error {
	p, _ := web.Caller(ctx)
	if p.Kind == identity.Staff {
		return nil
	}
	for _, list := range []struct {
		field       string
		asked, held []string
	}{{"scopes", scopes, p.Scopes}, {"purposes", purposes, p.Purposes}} {
		if !allOf(list.asked, list.held) {
			return fault.New(fault.CodeForbidden, "%s grants %s that it lacks", p, list.field).
				Field(list.field, "holds one that you may not grant")
		}
	}
	return nil
}

// allOf tells that every word of some is among those that are held.
func allOf(some, held []string) bool {
	return !slices.ContainsFunc(some, func(word string) bool { return !slices.Contains(held, word) })
}

// reaches tells that a client of the caller's is one that they may manage: it holds no more than they do, or its new secret
// would be a way to more.
func reaches(ctx context.Context, c identity.APIClient) bool {
	return mayGrant(ctx, c.Scopes, c.Purposes) == nil
}

type listClientsInput struct {
	PageSize  int    `query:"page_size" doc:"How many at most" default:"50" minimum:"1" maximum:"100"`
	PageToken string `query:"page_token" doc:"next_page_token of the page before" maxLength:"64"`
}

// ClientList is one page of API clients.
type ClientList struct {
	Page
	Data []Client `json:"data" nullable:"false"`
}

type listClientsOutput struct{ Body ClientList }

// listClients answers GET /v1/clients. A client sees those that it may manage.
func (a *api) listClients(ctx context.Context, in *listClientsInput) (*listClientsOutput, error) {
	after := ""
	if in.PageToken != "" {
		last, err := a.clientNamed(ctx, "page_token", in.PageToken)
		if err != nil {
			return nil, notGiven(err)
		}
		after = last.Name
	}
	page, more, err := a.Ops.Clients.List(ctx, after, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &listClientsOutput{Body: ClientList{Page: Page{Object: listObject, HasMore: more}, Data: []Client{}}}
	for _, c := range page {
		if reaches(ctx, c) {
			out.Body.Data = append(out.Body.Data, apiClientOf(c))
		}
	}
	if more {
		out.Body.NextPageToken = page[len(page)-1].Subject().String()
	}
	return out, nil
}

// notGiven is what is answered to a page token that names nobody.
func notGiven(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(err, fault.ValidationError, "page token refused").Field("page_token", "was not given for this list")
	}
	return err
}

// ClientInput is what every operation on a client takes.
type ClientInput struct {
	ClientID string `path:"client_id" doc:"Id of the client" example:"cli_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

func (a *api) clientNamed(ctx context.Context, field, named string) (identity.APIClient, error) {
	id, err := ids.Parse(ids.Client, named)
	if err != nil {
		return identity.APIClient{}, malformed(field, err)
	}
	return a.Ops.Clients.ByID(ctx, id)
}

// managed finds a client that the caller may manage. Any other is not there.
func (a *api) managed(ctx context.Context, in *ClientInput) (identity.APIClient, error) {
	c, err := a.clientNamed(ctx, "client_id", in.ClientID)
	if err != nil {
		return c, err
	}
	_, err = web.Decide(ctx, func(r *policy.Request) {
		r.Resource = policy.Resource{Kind: policy.Member, ID: c.ID, Granted: reaches(ctx, c)}
	})
	return c, err
}

type clientInput struct{ ClientInput }

type clientOutput struct{ Body Client }

// client answers GET /v1/clients/{client_id}.
func (a *api) client(ctx context.Context, in *clientInput) (*clientOutput, error) {
	c, err := a.managed(ctx, &in.ClientInput)
	if err != nil {
		return nil, err
	}
	return &clientOutput{Body: apiClientOf(c)}, nil
}

// rotateClient answers POST /v1/clients/{client_id}/rotate.
func (a *api) rotateClient(ctx context.Context, in *clientInput) (*clientSecretOutput, error) {
	c, err := a.managed(ctx, &in.ClientInput)
	if err != nil {
		return nil, err
	}
	return secretOnce(a.Ops.Clients.Rotate(ctx, c.ID, web.Via(ctx, identity.Client)))
}

// revokeClient answers DELETE /v1/clients/{client_id}.
func (a *api) revokeClient(ctx context.Context, in *clientInput) (*struct{}, error) {
	c, err := a.managed(ctx, &in.ClientInput)
	if err != nil {
		return nil, err
	}
	return nil, a.Ops.Clients.Revoke(ctx, c.ID, web.Via(ctx, identity.Client))
}
