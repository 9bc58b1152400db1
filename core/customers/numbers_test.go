package customers_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/secret"
	"nova/sql"
)

// planted are numbers that no column may show.
var planted = customers.Numbers{
	TaxID: secret.New("TX771200553"), NUIB: secret.New("NB338841207"), NationalityID: secret.New("PP90020441"),
}

func TestAStolenDatabaseTellsNoNumber(t *testing.T) {
	w := newWorld(t)
	r := w.self()
	r.Numbers = planted
	c, err := w.customers.Register(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, w.customers.Saw(t.Context(), c, secret.New("342310009876543")))

	dump := w.dump()
	require.Contains(t, dump, "Andre", "the dump holds what stands in clear")
	for _, known := range []string{"9007020022", "TX771200553", "NB338841207", "PP90020441", "342310009876543"} {
		for form, text := range map[string]string{
			"clear": known, "hex": hex.EncodeToString([]byte(known)),
			"base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(known)), "="),
		} {
			require.NotContains(t, strings.ToLower(dump), strings.ToLower(text), "%s in %s", known, form)
		}
	}
}

// dump is every row of every table, as a thief reads them: bytes as hex, and as the text they spell.
func (w *world) dump() string {
	w.t.Helper()
	var tables []string
	require.NoError(w.t, w.db.Select(w.t.Context(), &tables, sql.Query{Name: "test.tables", Text: `
		select tablename from pg_tables where schemaname = 'public'`}))
	var dump strings.Builder
	for _, table := range tables {
		var rows []string
		require.NoError(w.t, w.db.Select(w.t.Context(), &rows, sql.Query{
			Name: "test.rows." + table, Text: "select t::text from " + sql.Literal(table) + " t",
		}))
		for _, row := range rows {
			dump.WriteString(row + "\n")
			for _, part := range strings.Split(row, `\\x`)[1:] {
				end := strings.IndexFunc(part, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
				if end < 0 {
					end = len(part)
				}
				spelt, err := hex.DecodeString(part[:end])
				require.NoError(w.t, err)
				dump.Write(append(spelt, '\n'))
			}
		}
	}
	return dump.String()
}

func TestEachNumberIsOnePersons(t *testing.T) {
	rows := []struct {
		field string
		set   func(n *customers.Numbers)
	}{
		{"id_number", func(n *customers.Numbers) { n.IDNumber = secret.New("9007020022") }},
		{"tax_id", func(n *customers.Numbers) { n.TaxID = planted.TaxID }},
		{"nuib", func(n *customers.Numbers) { n.NUIB = planted.NUIB }},
		{"nationality_id", func(n *customers.Numbers) { n.NationalityID = planted.NationalityID }},
	}
	w := newWorld(t)
	first := w.self()
	first.Numbers = planted
	_, err := w.customers.Register(t.Context(), first)
	require.NoError(t, err)
	other := w.another(1)
	for _, row := range rows {
		t.Run(row.field, func(t *testing.T) {
			var n customers.Numbers
			row.set(&n)
			before := w.numbers(other.ID)
			err := w.customers.SetNumbers(t.Context(), other.Subject(), other.ID, n)
			require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, row.field)
			require.Equal(t, before, w.numbers(other.ID), "nothing changed")

			newcomer := w.self()
			newcomer.MSISDN, newcomer.IDNumber, newcomer.Numbers = number(t, "12462501077"), "OTHER77", n
			if row.field == "id_number" {
				newcomer.IDNumber = n.IDNumber.Reveal()
			}
			_, err = w.customers.Register(t.Context(), newcomer)
			require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, row.field)
			_, err = w.customers.ByMSISDN(t.Context(), newcomer.MSISDN)
			refused(t, err, fault.CustomerNotFound)
		})
	}
}

func TestNumbersAreTheOwners(t *testing.T) {
	w := newWorld(t)
	c, stranger := w.another(1), w.another(2)
	require.NoError(t, w.customers.SetNumbers(t.Context(), c.Subject(), c.ID, planted))
	require.Equal(t, []string{"ID1", "TX771200553", "NB338841207", "PP90020441"}, w.numbers(c.ID))

	refused(t, w.customers.SetNumbers(t.Context(), stranger.Subject(), c.ID, planted), fault.CodeForbidden)
	_, err := w.customers.Numbers(t.Context(), stranger.Subject(), c.ID)
	refused(t, err, fault.CodeForbidden)
	malformed := customers.Numbers{NUIB: secret.New("!")}
	refused(t, w.customers.SetNumbers(t.Context(), c.Subject(), c.ID, malformed), fault.ValidationError)
	refused(t, w.customers.SetNumbers(t.Context(), staff(), ids.New(noon), planted), fault.CustomerNotFound)
	require.Equal(t, []string{"ID1", "TX771200553", "NB338841207", "PP90020441"}, w.numbers(c.ID))
}

// A copy of a sealed number in another row, or in another column, opens nothing.
func TestASealedNumberBelongsToItsPlace(t *testing.T) {
	for _, move := range []string{
		`update customers set tax_id_sealed = (select tax_id_sealed from customers where id = $1) where id = $2`,
		`update customers set nuib_sealed = tax_id_sealed where id in ($1, $2)`,
	} {
		w := newWorld(t)
		c, thief := w.another(1), w.another(2)
		require.NoError(t, w.customers.SetNumbers(t.Context(), c.Subject(), c.ID, planted))
		_, err := w.db.Exec(t.Context(), sql.Query{Name: "test.move", Text: move}, c.ID, thief.ID)
		require.NoError(t, err)
		read := 0
		for _, owner := range []customers.Customer{c, thief} {
			if _, err := w.customers.Numbers(t.Context(), owner.Subject(), owner.ID); err == nil {
				read++
			}
		}
		require.Equal(t, 1, read, "the row that nothing was moved to")
	}
}

func TestKeysRotateWhilePeopleRegister(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, secret.GenerateKeyring(dir))
	const before = 230 // more than two rounds
	w.useKeys(dir)
	for i := range before {
		w.another(i)
	}
	rotate(t, dir)
	w.useKeys(dir)

	twin := w.self()
	twin.MSISDN, twin.IDNumber = number(t, "12462599999"), "ID7"
	_, err := w.customers.Register(t.Context(), twin)
	require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, "id_number", "an index of the older key is found")

	var group sync.WaitGroup
	group.Go(func() {
		for i := range 20 {
			w.another(before + i)
		}
	})
	moved, err := w.customers.RewrapDocuments(t.Context())
	group.Wait()
	require.NoError(t, err)
	require.Equal(t, before, moved)
	moved, err = w.customers.RewrapDocuments(t.Context())
	require.NoError(t, err)
	require.Zero(t, moved, "the older keys may go")

	retire(t, dir)
	w.useKeys(dir)
	for i := range before + 20 {
		c, err := w.customers.ByMSISDN(t.Context(), number(t, fmt.Sprintf("1246260%04d", i)))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("ID%d", i), w.numbers(c.ID)[0])
	}
	twin.Key = w.key("caller:1")
	_, err = w.customers.Register(t.Context(), twin)
	require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, "id_number")
}

func TestARewrapThatIsStoppedGoesOn(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, secret.GenerateKeyring(dir))
	w.useKeys(dir)
	for i := range 5 {
		w.another(i)
	}
	rotate(t, dir)
	w.useKeys(dir)
	c, err := w.customers.ByMSISDN(t.Context(), number(t, "12462600003"))
	require.NoError(t, err)
	w.spoil(c.ID, `update customers set id_sealed = '\x0100' where id = $1`)
	_, err = w.customers.RewrapDocuments(t.Context())
	require.ErrorContains(t, err, c.ID.String(), "what no key opens is named")
	w.spoil(c.ID, `update customers set id_sealed = null, id_index = null where id = $1`)
	moved, err := w.customers.RewrapDocuments(t.Context())
	require.NoError(t, err)
	require.Equal(t, 4, moved)
}

// Two nodes that stand under different keys cannot see each other's index at the same moment; the rewrap does.
func TestARewrapNamesADocumentThatTwoRegistered(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, secret.GenerateKeyring(dir))
	w.useKeys(dir)
	old := w.another(1)
	rotate(t, dir)
	retired := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.CopyFS(retired, os.DirFS(dir)))
	chmod(t, retired)
	retire(t, retired)
	w.useKeys(retired)
	twin := w.self()
	twin.MSISDN, twin.IDNumber = number(t, "12462599999"), "ID1"
	_, err := w.customers.Register(t.Context(), twin)
	require.NoError(t, err, "this node does not know the older key")
	w.useKeys(dir)
	w.another(2)
	moved, err := w.customers.RewrapDocuments(t.Context())
	require.ErrorContains(t, err, old.ID.String())
	require.Zero(t, moved)
	require.Equal(t, []string{"ID1", "", "", ""}, w.numbers(old.ID), "nothing is lost")
}

// useKeys makes the services anew, as a node does that was restarted with the keys of a folder.
func (w *world) useKeys(dir string) {
	w.t.Helper()
	keyring, err := secret.LoadKeyring(dir)
	require.NoError(w.t, err)
	w.customers = customers.New(customers.Options{
		DB: w.db, Ledger: w.ledger, Identity: w.identity, Keyring: keyring, Clock: w.clock, Currency: money.BBD,
	})
}

// another is a customer of whom there may be thousands.
func (w *world) another(i int) customers.Customer {
	w.t.Helper()
	c, err := w.customers.Create(w.t.Context(), customers.NewCustomer{
		MSISDN: number(w.t, fmt.Sprintf("1246260%04d", i)), FirstName: "Kofi", LastName: "Sealy", BirthDate: "1985-02-01",
		IDNumber: fmt.Sprintf("ID%d", i), Language: "en", Tier: 1, PIN: secret.New(newPIN),
	})
	require.NoError(w.t, err)
	return c
}

// numbers are a customer's, as compliance reads them.
func (w *world) numbers(id uuid.UUID) []string {
	w.t.Helper()
	n, err := w.customers.Numbers(w.t.Context(), staff(), id)
	require.NoError(w.t, err)
	return []string{n.IDNumber.Reveal(), n.TaxID.Reveal(), n.NUIB.Reveal(), n.NationalityID.Reveal()}
}

func (w *world) spoil(id uuid.UUID, text string) {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), sql.Query{Name: "test.spoil", Text: text}, id)
	require.NoError(w.t, err)
}

func staff() identity.Subject { return identity.Subject{Kind: identity.Staff, ID: ids.New(noon)} }

// keyset and macFile are the files of a keyring, as far as a rotation touches them.
type keyset struct {
	PrimaryKeyID uint32            `json:"primaryKeyId"`
	Key          []json.RawMessage `json:"key"`
}

type macFile struct {
	Current int            `json:"current"`
	Keys    map[int][]byte `json:"keys"`
}

// rotate adds new keys for fields and indexes and makes them current.
func rotate(t *testing.T, dir string) {
	t.Helper()
	other := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, secret.GenerateKeyring(other))
	var sets [2]keyset
	var macs [2]macFile
	for i, from := range []string{other, dir} {
		readJSON(t, filepath.Join(from, "field.json"), &sets[i])
		readJSON(t, filepath.Join(from, "index.json"), &macs[i])
	}
	sets[0].Key = append(sets[0].Key, sets[1].Key...)
	macs[1].Current, macs[1].Keys[2] = 2, macs[0].Keys[1]
	writeJSON(t, filepath.Join(dir, "field.json"), sets[0])
	writeJSON(t, filepath.Join(dir, "index.json"), macs[1])
}

// retire takes away all keys but the current ones.
func retire(t *testing.T, dir string) {
	t.Helper()
	var set keyset
	var mac macFile
	readJSON(t, filepath.Join(dir, "field.json"), &set)
	readJSON(t, filepath.Join(dir, "index.json"), &mac)
	set.Key = set.Key[:1]
	mac.Keys = map[int][]byte{mac.Current: mac.Keys[mac.Current]}
	writeJSON(t, filepath.Join(dir, "field.json"), set)
	writeJSON(t, filepath.Join(dir, "index.json"), mac)
}

func chmod(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		require.NoError(t, os.Chmod(filepath.Join(dir, entry.Name()), 0o600))
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

func writeJSON(t *testing.T, path string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o600))
}
