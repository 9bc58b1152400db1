package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

func (d *door) client(name string) (identity.APIClient, secret.Text) {
	d.t.Helper()
	c, made, err := d.clients.Create(d.t.Context(), identity.NewClient{Name: name, Scopes: []string{"ledger.read"}, Via: support})
	require.NoError(d.t, err)
	return c, made
}

func (d *door) lets(name string, s secret.Text) error {
	_, err := d.tokens.ClientCredentials(d.t.Context(), name, s)
	return err
}

func TestAClientsSecretRotatesWithoutAGap(t *testing.T) {
	d := newDoor(t)
	c, first := d.client("partner")
	_, second, err := d.clients.Rotate(t.Context(), c.ID, support)
	require.NoError(t, err)
	require.NoError(t, d.lets("partner", first), "the old one, for a day")
	require.NoError(t, d.lets("partner", second))
	d.clock.Advance(time.Hour)
	rotated, third, err := d.clients.Rotate(t.Context(), c.ID, support)
	require.NoError(t, err)
	require.Equal(t, d.clock.Now().Add(24*time.Hour), rotated.PreviousUntil)
	refused(t, d.lets("partner", first), fault.InvalidCredentials)
	require.NoError(t, d.lets("partner", second))
	d.clock.Advance(24 * time.Hour)
	refused(t, d.lets("partner", second), fault.InvalidCredentials)
	require.NoError(t, d.lets("partner", third))
	found, err := d.clients.ByID(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, d.clock.Now(), found.LastUsedAt)
	require.Zero(t, found.PreviousUntil)
}

func TestParallelRotationsLeaveTwoSecrets(t *testing.T) {
	d := newDoor(t)
	c, _ := d.client("partner")
	made := make([]secret.Text, 6)
	atOnce(len(made), func(i int) error {
		_, fresh, err := d.clients.Rotate(t.Context(), c.ID, support)
		made[i] = fresh
		return err
	})
	good := 0
	for _, s := range made {
		if d.lets("partner", s) == nil {
			good++
		}
	}
	require.Equal(t, 2, good)
}

func TestARevokedClientIsOut(t *testing.T) {
	d := newDoor(t)
	c, made := d.client("partner")
	token, err := d.tokens.ClientCredentials(t.Context(), "partner", made)
	require.NoError(t, err)
	d.verified(token.Access)
	require.NoError(t, d.clients.Revoke(t.Context(), c.ID, support))
	d.clock.Advance(time.Second)
	_, err = d.tokens.Verify(t.Context(), token.Access)
	refused(t, err, fault.Unauthorized)
	refused(t, d.lets("partner", made), fault.InvalidCredentials)
	refused(t, d.clients.Revoke(t.Context(), c.ID, support), fault.NotFound)
	_, _, err = d.clients.Rotate(t.Context(), c.ID, support)
	refused(t, err, fault.NotFound)
	_, err = d.clients.ByID(t.Context(), uuid.New())
	refused(t, err, fault.NotFound)
	require.ElementsMatch(t, []string{"client.create done", "client.revoke done", "auth.login refused"}, d.recorded())
}

func TestClientsThatAreNotCreated(t *testing.T) {
	known := identity.Catalogue{Scopes: []string{"ledger.read"}, Purposes: []string{"ledger.post"}}
	rows := []struct {
		name  string
		edit  func(n *identity.NewClient)
		code  fault.Code
		field string
	}{
		{"a name that is taken", func(*identity.NewClient) {}, fault.DuplicateEntity, "name"},
		{"no name", func(n *identity.NewClient) { n.Name = "" }, fault.ValidationError, "name"},
		{"a long name", func(n *identity.NewClient) { n.Name = strings.Repeat("n", 101) }, fault.ValidationError, "name"},
		{"a name with an edge of space", func(n *identity.NewClient) { n.Name = "partner " }, fault.ValidationError, "name"},
		{"a name over two lines", func(n *identity.NewClient) { n.Name = "a\nb" }, fault.ValidationError, "name"},
		{"a scope that is none", func(n *identity.NewClient) { n.Scopes = []string{"root"} }, fault.ValidationError, "scopes"},
		{"two scopes in one", func(n *identity.NewClient) { n.Scopes = []string{"ledger.read root"} }, fault.ValidationError, "scopes"},
		{"a purpose that is none", func(n *identity.NewClient) { n.Purposes = []string{"fun"} }, fault.ValidationError, "purposes"},
		{"too many purposes", func(n *identity.NewClient) { n.Purposes = make([]string, 51) }, fault.ValidationError, "purposes"},
	}
	d := newDoor(t)
	d.client("partner")
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			n := identity.NewClient{Name: "partner", Scopes: known.Scopes, Purposes: known.Purposes, Known: known}
			row.edit(&n)
			_, _, err := d.clients.Create(t.Context(), n)
			require.Contains(t, refused(t, err, row.code).Fields, row.field)
			require.Equal(t, 1, d.count(`select count(*) from clients`))
		})
	}
	d.client("other")
	page, more, err := d.clients.List(t.Context(), "", 1)
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, "other", page[0].Name)
	page, more, err = d.clients.List(t.Context(), "other", 1)
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, "partner", page[0].Name)
}

func TestAClientsSecretMovesToTheCurrentPepper(t *testing.T) {
	d, dir := newDoor(t), t.TempDir()
	d.clients = identity.NewClients(d.db, keys(t, dir, "", nil), d.clock)
	c, made := d.client("partner")
	require.NoError(t, secret.AddKey(dir, "pin_pepper", true))
	after, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	d.clients = identity.NewClients(d.db, after, d.clock)
	_, err = d.clients.Authenticate(t.Context(), "partner", made)
	require.NoError(t, err)
	require.Equal(t, 1, d.count(`select count(*) from clients where id = $1 and secret_version = 2`, c.ID))
	_, err = d.clients.Authenticate(t.Context(), "partner", made)
	require.NoError(t, err)
}
