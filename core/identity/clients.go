package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

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
)

// APIClient is another system that calls the API under its own name.
type APIClient struct {
	ID       uuid.UUID
	Name     string
	Scopes   []string
	Purposes []string
}

// NewClient is what CreateClient needs. An empty Secret means that one is made.
type NewClient struct {
	Name     string
	Secret   secret.Text
	Scopes   []string
	Purposes []string
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
// is taken is a DUPLICATE_ENTITY.
func (c *Clients) Create(ctx context.Context, n NewClient) (APIClient, secret.Text, error) {
	if n.Secret.IsZero() {
		random := make([]byte, clientSecretBytes)
		_, _ = rand.Read(random) // crypto/rand.Read never fails
		n.Secret = secret.New(base64.RawURLEncoding.EncodeToString(random))
	}
	now := c.clock.Now()
	version := c.keyring.PINPepper.Current()
	id := ids.New(now)
	hash, err := c.hash(version, id, n.Secret)
	if err != nil {
		return APIClient{}, secret.Text{}, err
	}
	row := client{
		ID: id, Name: n.Name, SecretHash: hash[:], SecretVersion: version,
		Scopes: joined(n.Scopes), Purposes: joined(n.Purposes),
	}
	inserted, err := c.store.insertClient(ctx, c.db, row, now)
	if err != nil {
		return APIClient{}, secret.Text{}, err
	}
	if !inserted {
		return APIClient{}, secret.Text{}, fault.New(fault.DuplicateEntity, "client %q", n.Name).Field("name", "is taken")
	}
	return row.client(), n.Secret, nil
}

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
	hash, err := c.hash(row.SecretVersion, row.ID, sent)
	if err != nil {
		return APIClient{}, err
	}
	right := subtle.ConstantTimeCompare(hash[:], row.SecretHash) == 1
	if !right || !found || row.Status != "active" {
		return APIClient{}, fault.New(fault.InvalidCredentials, "client refused")
	}
	return row.client(), nil
}

func (c *Clients) hash(version int, id uuid.UUID, s secret.Text) ([32]byte, error) {
	sum, err := c.keyring.PINPepper.Sum(version, []byte(clientLabel), id[:], []byte(s.Reveal()))
	if err != nil {
		return sum, fmt.Errorf("hash client secret: %w", err)
	}
	return sum, nil
}

func (row client) client() APIClient {
	return APIClient{ID: row.ID, Name: row.Name, Scopes: words(row.Scopes), Purposes: words(row.Purposes)}
}
