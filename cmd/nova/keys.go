package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nova/configs"
	"nova/core/audit"
	"nova/core/clock"
	"nova/core/customers"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

// actKeyRotate is a key's rotation in the record.
const actKeyRotate = "keys.rotate"

// signers are the keys that sign; each rotation is a file beside the others.
var signers = []string{identity.SignerName, ledger.SignerName}

// shortKeyNames are what people call some keys.
var shortKeyNames = map[string]string{"kek": "pin_kek", "pepper": "pin_pepper"}

func keysCommand() *cobra.Command {
	keys := &cobra.Command{Use: "keys", Short: "Rotate keys, and move what stands under older ones"}
	keys.AddCommand(rotateCommand(), rewrapCommand())
	return keys
}

// keyNames are the keys that can be rotated.
func keyNames() []string { return append(secret.KeyNames(), signers...) }

func rotateCommand() *cobra.Command {
	var stage bool
	rotate := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Add a new version of a key and use it from the next start on; the old ones stay",
		Long: `Adds a new version of a key to its file, whole or not at all, and keeps the old ones: what they made still opens.
KEY is one of ` + strings.Join(keyNames(), ", ") + `; kek and pepper are the PINs'.

A node knows the keys that it was started with. Where there are several nodes, stage the new version first (--stage),
start every node again, then rotate, and start them again: so none meets what it cannot open. No key is ever printed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withKeyring(cmd.Context(), func(ctx context.Context, k *keeper) error {
				name, err := k.rotate(ctx, args[0], !stage)
				if err != nil {
					return err
				}
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s has a new version; start the nodes again\n", name)
				return nil
			})
		},
	}
	rotate.Flags().BoolVar(&stage, "stage", false, "only let the nodes know the new version; the next rotation uses it")
	return rotate
}

func rewrapCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rewrap",
		Short: "Move what is sealed under older keys to the current ones, under load, and tell what is left",
		Long: `Moves PINs, second factors of staff and documents of customers, a few rows at a time, while the nodes are at work. It
may be stopped and begun anew. PINs and clients' secrets move to a new pepper when they are next typed or sent, so those
are only counted: an old version may go when nothing is left under it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withKeyring(cmd.Context(), func(ctx context.Context, k *keeper) error { return k.rewrap(ctx, cmd) })
		},
	}
}

// keeper is what the commands on keys need of a configuration.
type keeper struct {
	config    configs.Config
	db        *sql.DB
	identity  *identity.Service
	customers *customers.Service
}

// openKeyed is what a command at a terminal needs that works under the keys: the configuration, the keys and the database.
func openKeyed(ctx context.Context) (configs.Config, *secret.Keyring, *sql.DB, error) {
	config, err := configs.Load(os.Environ())
	if err != nil {
		return config, nil, nil, err
	}
	keyring, err := secret.LoadKeyring(config.KeysDir)
	if err != nil {
		return config, nil, nil, err
	}
	db, err := sql.Open(ctx, config.DatabaseURL.Reveal(), sql.Options{MaxOpen: 2})
	return config, keyring, db, err
}

// withKeyring runs a command on the keys that the configuration names. It needs the database: a rotation is recorded.
func withKeyring(ctx context.Context, do func(ctx context.Context, k *keeper) error) error {
	config, keyring, db, err := openKeyed(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // what was written has been committed
	k := &keeper{config: config, db: db}
	k.identity = identity.New(identity.Options{
		DB: db, Credentials: identity.NewCredentials(keyring, identity.CredentialOptions{}), Keyring: keyring,
		Clock: clock.System{},
	})
	k.customers = customers.New(customers.Options{DB: db, Identity: k.identity, Keyring: keyring, Clock: clock.System{}})
	return do(ctx, k)
}

// rotate adds a version of a key and records it. The record comes first: a rotation that cannot be recorded does not
// happen, and one that then fails is told by its missing version.
func (k *keeper) rotate(ctx context.Context, key string, use bool) (string, error) {
	name := strings.ReplaceAll(key, "-", "_")
	if long, short := shortKeyNames[name]; short {
		name = long
	}
	if !slices.Contains(keyNames(), name) {
		return "", fmt.Errorf("no key is called %q; there are %s", key, strings.Join(keyNames(), ", "))
	}
	to := "staged"
	if use {
		to = "in use"
	}
	err := k.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return audit.RecordIn(ctx, tx, clock.System{}.Now(), audit.Event{
			Actor: audit.Nova, Action: actKeyRotate, Object: name, Outcome: audit.Done,
			Detail: map[string]string{audit.DetailKey: name, audit.DetailTo: to},
		})
	})
	if err != nil {
		return "", err
	}
	if slices.Contains(signers, name) {
		return name, secret.AddSigningKey(k.config.KeysDir, name)
	}
	return name, secret.AddKey(k.config.KeysDir, name, use)
}

func (k *keeper) rewrap(ctx context.Context, cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	for _, kind := range []struct {
		what string
		move func(context.Context) (int, error)
	}{
		{"PINs", k.identity.Rewrap}, {"second factors of staff", k.identity.RewrapStaff},
		{"customers' documents", k.customers.RewrapDocuments},
	} {
		total := 0
		for {
			moved, err := kind.move(ctx)
			total += moved
			if err != nil {
				return fmt.Errorf("%s, after %d: %w", kind.what, total, err)
			}
			if moved == 0 {
				break
			}
		}
		_, _ = fmt.Fprintf(out, "%s moved: %d\n", kind.what, total)
	}
	left, err := k.identity.KeysLeft(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "left under older keys: %d PINs (KEK), %d PINs (pepper), %d clients (pepper), %d second factors\n",
		left.KEK, left.Peppers, left.Clients, left.TOTP)
	return nil
}
