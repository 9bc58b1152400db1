package identity

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
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
	// clientSecretBytes make a secret that nobody guesses, which is why a fast keyed hash protects it well enough.
	clientSecretBytes = 32
	// clientLabel keeps this use of the key apart from PINs.
	clientLabel = "client secret"
	// maxClientName bounds what is looked up for an unauthenticated caller.
	maxClientName = 100
	// maxClientSecret bounds what is hashed for an unauthenticated caller.
	maxClientSecret = 200
	// ClientSecretGrace is how long the secret before a rotation stays good: time to put the new one in place.
	ClientSecretGrace = 24 * time.Hour
	// usedEvery is how exactly it is kept when a client was last used.
	usedEvery = time.Minute
	// channelAPI is the door that clients come through.
	channelAPI = "api"
	// maxClientWords bounds the scopes, and the purposes, of a client.
	maxClientWords = 50
)

// The acts upon clients.
const (
	actClientCreate = "client.create"
	actClientRotate = "client.rotate"
	actClientRevoke = "client.revoke"
)

// Catalogue is what clients may be granted: what is not in it is refused. An empty list knows nothing; nil bounds nothing.
type Catalogue struct {
	Scopes, Purposes []string
}

// APIClient is another system that calls the API under its own name.
type APIClient struct {
	ID       uuid.UUID
	Name     string
	Scopes   []string
	Purposes []string
	Active   bool
	// PreviousUntil is until when the secret before the last rotation is good; zero where it is not.
	PreviousUntil time.Time
	// RotatedAt, RevokedAt and LastUsedAt are zero for never.
	CreatedAt, RotatedAt, RevokedAt, LastUsedAt time.Time
}

// Subject is the client as a subject.
func (c APIClient) Subject() Subject { return Subject{Kind: Client, ID: c.ID} }

// NewClient is what CreateClient needs. An empty Secret means that one is made.
type NewClient struct {
	Name     string
	Secret   secret.Text
	Scopes   []string
	Purposes []string
	// Known is what may be granted.
	Known Catalogue
	Via   Via
}

// Clients knows API clients by their secrets.
type Clients struct {
	db      *sql.DB
	keyring *secret.Keyring
	clock   clock.Clock
	store   store
}

// NewClients makes the registry of API clients.
func NewClients(db *sql.DB, keyring *secret.Keyring, now clock.Clock) *Clients {
	return &Clients{db: db, keyring: keyring, clock: now, store: newStore()}
}

// Create registers a client and returns its secret, which is shown once and kept only as a keyed hash. A name that
// is taken is a DUPLICATE_ENTITY; a name, scope or purpose that will not do is a VALIDATION_ERROR on its field.
func (c *Clients) Create(ctx context.Context, n NewClient) (APIClient, secret.Text, error) {
	if err := n.check(); err != nil {
		return APIClient{}, secret.Text{}, err
	}
	if n.Secret.IsZero() {
		n.Secret = newOpaque()
	}
	now := c.clock.Now()
	row := client{
		ID: ids.New(now), Name: n.Name, SecretVersion: c.keyring.PINPepper.Current(),
		Scopes: joined(n.Scopes), Purposes: joined(n.Purposes), Status: clientActive, CreatedAt: now,
	}
	hash, err := c.hash(row.SecretVersion, row.ID, n.Secret)
	if err != nil {
		return APIClient{}, secret.Text{}, err
	}
	row.SecretHash = hash[:]
	err = c.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		inserted, err := c.store.insertClient(ctx, tx, row, now)
		if err != nil {
			return err
		}
		if !inserted {
			return fault.New(fault.DuplicateEntity, "client %q", n.Name).Field("name", "is taken")
		}
		return audit.RecordIn(ctx, tx, now, n.Via.done(actClientCreate, Subject{Kind: Client, ID: row.ID},
			map[string]string{audit.DetailLogin: n.Name, audit.DetailScope: row.Scopes}))
	})
	if err != nil {
		return APIClient{}, secret.Text{}, err
	}
	return row.client(now), n.Secret, nil
}

func (n NewClient) check() error {
	if n.Name == "" || len(n.Name) > maxClientName || !printable(n.Name) || strings.TrimSpace(n.Name) != n.Name {
		return fault.New(fault.ValidationError, "a client's name of %d bytes", len(n.Name)).
			Field("name", "must have 1 to 100 printable characters")
	}
	if err := granted("scopes", n.Scopes, n.Known.Scopes); err != nil {
		return err
	}
	return granted("purposes", n.Purposes, n.Known.Purposes)
}

// granted checks what a client asks for against what there is; nil known bounds nothing.
func granted(field string, asked, known []string) error {
	if len(asked) > maxClientWords {
		return fault.New(fault.ValidationError, "%d %s", len(asked), field).Field(field, "are too many")
	}
	for _, word := range asked {
		if len(words(word)) != 1 || known != nil && !slices.Contains(known, word) {
			return fault.New(fault.ValidationError, "%s %.64q", field, word).Field(field, "holds one that is not known")
		}
	}
	return nil
}

// ByID finds a client by its cli_ id; nobody is a NOT_FOUND.
func (c *Clients) ByID(ctx context.Context, id uuid.UUID) (APIClient, error) {
	row, found, err := c.store.client(ctx, c.db, "", id)
	if err == nil && !found {
		err = noClient(id)
	}
	return row.client(c.clock.Now()), err
}

// List is a page of the clients in the order of their names, after the given one ("" for the first page). more tells
// that there is another page.
func (c *Clients) List(ctx context.Context, after string, most int) (page []APIClient, more bool, err error) {
	most = min(max(most, 1), maxPage)
	rows, err := c.store.clientsAfter(ctx, c.db, after, most+1)
	now := c.clock.Now()
	for i, row := range rows {
		if i == most {
			return page, true, err
		}
		page = append(page, row.client(now))
	}
	return page, false, err
}

// Rotate gives a client a new secret, shown once. The one before stays good for ClientSecretGrace, and the one before
// that ends at once: never more than two are good. A client that is revoked, or is none, is a NOT_FOUND.
func (c *Clients) Rotate(ctx context.Context, id uuid.UUID, via Via) (APIClient, secret.Text, error) {
	now, fresh := c.clock.Now(), newOpaque()
	row := client{ID: id, SecretVersion: c.keyring.PINPepper.Current()}
	hash, err := c.hash(row.SecretVersion, id, fresh)
	if err != nil {
		return APIClient{}, secret.Text{}, err
	}
	row.SecretHash = hash[:]
	err = c.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rotated, err := c.store.rotateClient(ctx, tx, row, now.Add(ClientSecretGrace), now)
		if err != nil {
			return err
		}
		if !rotated {
			return noClient(id)
		}
		return audit.RecordIn(ctx, tx, now, via.done(actClientRotate, Subject{Kind: Client, ID: id}, nil))
	})
	if err != nil {
		return APIClient{}, secret.Text{}, err
	}
	rotated, err := c.ByID(ctx, id)
	return rotated, fresh, err
}

// Revoke ends a client, its secrets and, within a second, its tokens. A client that was revoked before, or is none, is a
// NOT_FOUND.
func (c *Clients) Revoke(ctx context.Context, id uuid.UUID, via Via) error {
	now := c.clock.Now()
	return c.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		revoked, err := c.store.revokeClient(ctx, tx, id, now)
		if err != nil {
			return err
		}
		if !revoked {
			return noClient(id)
		}
		return audit.RecordIn(ctx, tx, now, via.done(actClientRevoke, Subject{Kind: Client, ID: id}, nil))
	})
}

func noClient(id uuid.UUID) error { return fault.New(fault.NotFound, "no active client %s", id) }

// Authenticate finds the client behind an id (its name, or its cli_ id) and a secret. Whatever is wrong, the answer
// is one INVALID_CREDENTIALS and took the same steps: an unknown id is hashed and compared as a known one is.
func (c *Clients) Authenticate(ctx context.Context, id string, sent secret.Text) (APIClient, error) {
	if len(sent.Reveal()) > maxClientSecret {
		return APIClient{}, fault.New(fault.InvalidCredentials, "client secret of more than %d bytes", maxClientSecret)
	}
	if len(id) > maxClientName || strings.ContainsRune(id, 0) || !utf8.ValidString(id) {
		return APIClient{}, fault.New(fault.InvalidCredentials, "client id that can be nobody's")
	}
	parsed, err := ids.Parse(ids.Client, id)
	if err != nil {
		parsed = uuid.Nil // no cli_ id: then it is a name
	}
	row, found, err := c.store.client(ctx, c.db, id, parsed)
	if err != nil {
		return APIClient{}, err
	}
	if !found {
		row = client{SecretVersion: c.keyring.PINPepper.Current(), SecretHash: make([]byte, clientSecretBytes)}
	}
	now := c.clock.Now()
	right, err := c.compare(row, sent, now)
	if err != nil {
		return APIClient{}, err
	}
	if !right || !found || row.Status != clientActive {
		return APIClient{}, fault.New(fault.InvalidCredentials, "client refused")
	}
	return row.client(now), c.used(ctx, row, sent, now)
}

// used notes that a client was here, and moves its secret to the current pepper while it is at hand.
func (c *Clients) used(ctx context.Context, row client, sent secret.Text, now time.Time) error {
	if current := c.keyring.PINPepper.Current(); row.SecretVersion != current {
		if err := c.rehash(ctx, row, sent, current); err != nil {
			return err
		}
	}
	return c.store.useClient(ctx, c.db, row.ID, now)
}

func (c *Clients) rehash(ctx context.Context, row client, sent secret.Text, version int) error {
	old, err := c.hash(row.SecretVersion, row.ID, sent)
	if err != nil || subtle.ConstantTimeCompare(old[:], row.SecretHash) != 1 {
		return err // it was the one before the last rotation, and goes soon
	}
	fresh, err := c.hash(version, row.ID, sent)
	if err != nil {
		return err
	}
	return c.store.rehashClient(ctx, c.db, row, fresh[:], version)
}

// compare hashes what was sent twice, whether there is a previous secret or not.
func (c *Clients) compare(row client, sent secret.Text, now time.Time) (bool, error) {
	hash, err := c.hash(row.SecretVersion, row.ID, sent)
	if err != nil {
		return false, err
	}
	version, previous := row.SecretVersion, make([]byte, clientSecretBytes)
	if row.PreviousUntil != nil && now.Before(*row.PreviousUntil) {
		version, previous = *row.PreviousVersion, row.PreviousHash
	}
	before, err := c.hash(version, row.ID, sent)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(hash[:], row.SecretHash)|subtle.ConstantTimeCompare(before[:], previous) == 1, nil
}

// refused records that nobody was let in under a name, and returns why.
func (c *Clients) refused(ctx context.Context, login string, why error) error {
	if fault.Ours(why) {
		return why
	}
	e := Via{Channel: channelAPI}.refused(actSignIn, Subject{}, why, map[string]string{
		audit.DetailLogin: login, audit.DetailFactor: amrSecret,
	})
	if err := recordAlone(ctx, c.db, c.clock.Now(), e); err != nil {
		return err
	}
	return why
}

func (c *Clients) hash(version int, id uuid.UUID, s secret.Text) ([32]byte, error) {
	sum, err := c.keyring.PINPepper.Sum(version, []byte(clientLabel), id[:], []byte(s.Reveal()))
	if err != nil {
		return sum, fmt.Errorf("hash client secret: %w", err)
	}
	return sum, nil
}

// clientActive is the status of a client that may sign in.
const clientActive = "active"

func (row client) client(now time.Time) APIClient {
	a := APIClient{
		ID: row.ID, Name: row.Name, Scopes: words(row.Scopes), Purposes: words(row.Purposes),
		Active: row.Status == clientActive, CreatedAt: row.CreatedAt.UTC(),
	}
	for _, at := range []struct {
		from *time.Time
		to   *time.Time
	}{{row.RotatedAt, &a.RotatedAt}, {row.RevokedAt, &a.RevokedAt}, {row.LastUsedAt, &a.LastUsedAt}} {
		if at.from != nil {
			*at.to = at.from.UTC()
		}
	}
	if row.PreviousUntil != nil && now.Before(*row.PreviousUntil) {
		a.PreviousUntil = row.PreviousUntil.UTC()
	}
	return a
}
