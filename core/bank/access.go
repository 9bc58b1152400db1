package bank

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ledger"
)

// Opener is how the ledger names a client as the one who opened an account.
func Opener(client uuid.UUID) string { return client.String() }

// accounts are those of some accounts by id, as far as a client may act on them.
type accounts map[uuid.UUID]ledger.Account

// maxFacts bounds the accounts whose facts are remembered: some tens of megabytes.
const maxFacts = 50_000

// facts remembers who opened which account, and what never changes of it either: product, currency, floor, name. Every
// posting asks for them. Of status and tier it knows nothing: the ledger decides by those.
type facts struct {
	mu    sync.RWMutex
	known accounts
}

// of reads facts, of the ledger only those that are not known yet.
func (f *facts) of(ctx context.Context, books *ledger.Store, wanted []uuid.UUID) (accounts, error) {
	found := make(accounts, len(wanted))
	var missing []uuid.UUID
	f.mu.RLock()
	for _, id := range wanted {
		if a, known := f.known[id]; known {
			found[id] = a
			continue
		}
		missing = append(missing, id)
	}
	f.mu.RUnlock()
	if len(missing) == 0 {
		return found, nil
	}
	read, err := books.Accounts(ctx, missing)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil || len(f.known)+len(read) > maxFacts {
		f.known = accounts{}
	}
	maps.Copy(f.known, read)
	maps.Copy(found, read)
	return found, nil
}

// mine finds those of some accounts that the client may act on: it opened them, or was granted them. It knows their
// facts, and nothing that may change.
func (s *Service) mine(ctx context.Context, client uuid.UUID, wanted []uuid.UUID) (accounts, error) {
	found, err := s.facts.of(ctx, s.ledger, wanted)
	if err != nil {
		return nil, err
	}
	var foreign []uuid.UUID
	for id, a := range found {
		if a.OpenedBy != Opener(client) {
			foreign = append(foreign, id)
		}
	}
	if len(foreign) == 0 {
		return found, nil
	}
	granted, err := s.store.granted(ctx, s.db, client, foreign)
	for _, id := range foreign {
		if !slices.Contains(granted, id) {
			delete(found, id)
		}
	}
	return found, err
}

// usable is mine for accounts of which the client must be able to use every one. The first that it may not, or that
// there is not, is NOT_FOUND, told the same way; which one it was is named by field.
func (s *Service) usable(ctx context.Context, client uuid.UUID, wanted []uuid.UUID, field func(i int) string) (
	accounts, error,
) {
	found, err := s.mine(ctx, client, wanted)
	if err != nil {
		return nil, err
	}
	for i, id := range wanted {
		if _, may := found[id]; !may {
			return nil, fault.New(fault.NotFound, "client %s and account %s", client, id).Field(field(i), "is not known")
		}
	}
	return found, nil
}

// accountField names the account that a request is about.
func accountField(int) string { return "account_id" }

// entryField names the account of an entry.
func entryField(i int) string { return fmt.Sprintf("entries[%d].account_id", i) }

// Grant lets a client act on an account that by opened: ledger.OpenedByNova, or the Opener of another client. It is the
// opener's to give, and Nova's own books are Nova's. Granting again changes nothing. A client that there is not is
// NOT_FOUND with the field client_id.
func (s *Service) Grant(ctx context.Context, by string, account, client uuid.UUID) error {
	if err := s.openedBy(ctx, by, account); err != nil {
		return err
	}
	granted, err := s.store.grant(ctx, s.db, client, account, s.clock.Now())
	if err == nil && !granted {
		return fault.New(fault.NotFound, "grant to client %s", client).Field("client_id", "is not known")
	}
	return err
}

// Revoke takes a grant back; where there is none it changes nothing. What the client has posted or reserved stays.
func (s *Service) Revoke(ctx context.Context, by string, account, client uuid.UUID) error {
	if err := s.openedBy(ctx, by, account); err != nil {
		return err
	}
	return s.store.revoke(ctx, s.db, client, account)
}

// openedBy is NOT_FOUND for an account that somebody else opened.
func (s *Service) openedBy(ctx context.Context, by string, account uuid.UUID) error {
	a, err := s.ledger.Account(ctx, account)
	if err == nil && a.OpenedBy != by {
		return fault.New(fault.NotFound, "account %s was not opened by %s", account, by)
	}
	return err
}
