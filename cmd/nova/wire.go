package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"nova/channels/outbound/checkpoints"
	"nova/channels/outbound/simswap"
	"nova/channels/ussd"
	"nova/channels/web"
	"nova/configs"
	"nova/core/agents"
	"nova/core/approvals"
	"nova/core/audit"
	"nova/core/bank"
	"nova/core/clock"
	"nova/core/commissions"
	"nova/core/customers"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/outbox"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/products"
	"nova/core/reports"
	"nova/core/rules"
	"nova/core/secret"
	"nova/core/tariffs"
	"nova/core/transactions"
	"nova/menus"
	"nova/sessions"
	"nova/sessions/rates"
	"nova/sql"
)

const (
	// checkStores bounds how long a start waits for PostgreSQL and Redis.
	checkStores = 10 * time.Second
	// patience bounds the wait for each answer of the database: below a hop's deadline, so that a database that has
	// fallen silent costs the caller one polite END and not the gateway's own timeout.
	patience = 3 * time.Second
	// issuer names this service in the tokens that it signs.
	issuer = "nova"
)

// parts is a whole Nova, joined: what every role of a process and every tool is made from.
type parts struct {
	config   configs.Config
	log      *slog.Logger
	clock    clock.Clock
	location *time.Location

	keyring *secret.Keyring
	signer  *secret.Signer
	// sealer signs checkpoints of the books.
	sealer      *secret.Signer
	checkpoints *checkpoints.Log
	metrics     *web.Metrics

	db       *sql.DB
	writerDB *sql.DB
	proofDB  *sql.DB
	sessions *sessions.Store

	ledger       *ledger.Store
	writer       *ledger.Writer
	poster       *ledger.Poster
	transactions *transactions.Store
	promises     *transactions.Promises
	outbox       *outbox.Store
	books        payments.Books

	identity  *identity.Service
	clients   *identity.Clients
	tokens    *identity.Tokens
	otps      *identity.OTPs
	devices   *identity.Devices
	stepUps   *identity.StepUps
	signIns   *identity.SignIns
	staff     *identity.Staffing
	customers *customers.Service
	agents    *agents.Service
	payments  *payments.Service
	products  *products.Service
	bank      *bank.Service

	// audit records acts without a transaction of their own; auditPoints keeps where the record's chain stood.
	audit       *audit.Log
	auditPoints *checkpoints.Log
	// policies say who may do what.
	policies *policy.Decider

	effects   approvals.Registry
	approvals *approvals.Service
	tariffs   *rules.Keeper[*tariffs.Book]
	limits    *rules.Keeper[*limits.Book]
	watchers  sync.WaitGroup
	unwatch   func()

	packs  *menus.Packs
	engine *menus.Engine
}

// open joins everything that the configuration asks for. What it opened is closed by close, also after an error.
func open(ctx context.Context, config configs.Config, log *slog.Logger, now clock.Clock) (*parts, error) {
	p := &parts{config: config, log: log, clock: now, metrics: web.NewMetrics()}
	ctx, cancel := context.WithTimeout(ctx, checkStores)
	defer cancel()
	for _, step := range []func(context.Context) error{
		p.openMarket, p.openKeys, p.openStores, p.openAudit, p.openPolicies, p.openRules, p.openLedger, p.openPeople, p.openAccess, p.openMenus,
	} {
		if err := step(ctx); err != nil {
			return p, errors.Join(err, p.close(ctx))
		}
	}
	return p, nil
}

// openMarket reads what is the same for everybody in the market: its time.
func (p *parts) openMarket(context.Context) error {
	var err error
	if p.location, err = time.LoadLocation(p.config.TimeZone); err != nil {
		return fmt.Errorf("time zone: %w", err)
	}
	return nil
}

// openPolicies reads who may do what. Policies that cannot be read stop the start: nobody could do anything, or anybody
// anything.
func (p *parts) openPolicies(context.Context) error {
	files, err := p.config.Policies()
	if err != nil {
		return err
	}
	above, err := p.config.StepUp()
	if err != nil {
		return err
	}
	p.policies, err = policy.NewDecider(policy.Options{Files: files, Clock: p.clock, LargeAbove: above, Record: p.audit})
	return err
}

// openKeys loads the keys; a development server makes those that are missing.
func (p *parts) openKeys(context.Context) error {
	dir := p.config.KeysDir
	if p.config.GenerateKeys {
		if err := errors.Join(secret.GenerateKeyring(dir), secret.GenerateSigner(dir, identity.SignerName),
			secret.GenerateSigner(dir, ledger.SignerName)); err != nil {
			return err
		}
	}
	var err error
	if p.keyring, err = secret.LoadKeyring(dir); err != nil {
		return err
	}
	if p.signer, err = secret.LoadSigner(dir, identity.SignerName); err != nil {
		return err
	}
	p.sealer, err = secret.LoadSigner(dir, ledger.SignerName)
	return err
}

func (p *parts) openStores(ctx context.Context) error {
	var err error
	if p.db, err = sql.Open(ctx, p.config.DatabaseURL.Reveal(), sql.Options{Prepared: true, Patience: patience}); err != nil {
		return err
	}
	if p.writerDB, err = ledger.OpenDB(ctx, p.config.DatabaseURL.Reveal()); err != nil {
		return err
	}
	// A proof reads the whole books: it has a connection of its own, and no answer that it would wait too long for.
	if p.proofDB, err = sql.Open(ctx, p.config.DatabaseURL.Reveal(), sql.Options{MaxOpen: 2}); err != nil {
		return err
	}
	sessions.LogTo(p.log)
	p.sessions, err = sessions.Open(sessions.Options{
		URL: p.config.RedisURL, Master: p.config.RedisMaster, Keys: p.keyring,
		Dials: rates.Limit{Name: "dials.number", Rate: p.config.DialsPerMinute, Per: time.Minute},
		Mishap: func(ctx context.Context, err error) {
			p.log.WarnContext(ctx, "redis did not do everything", slog.Any("error", err))
		},
	})
	if err != nil {
		return err
	}
	return p.sessions.Ping(ctx)
}

func (p *parts) openLedger(ctx context.Context) error {
	credentials := identity.NewCredentials(p.keyring, identity.CredentialOptions{
		MaxWrong: p.config.PINTries, Lock: time.Duration(p.config.PINLockMinutes) * time.Minute,
	})
	node, err := os.Hostname()
	if err != nil {
		node = "nameless" // only people read it
	}
	if p.checkpoints, err = checkpoints.Open(p.config.CheckpointsDir, node); err != nil {
		return err
	}
	p.ledger = ledger.NewStore(p.db, p.clock)
	if p.books, err = payments.OpenBooks(ctx, p.db, p.ledger, p.config.Currency, p.clock); err != nil {
		return err
	}
	fees := p.drawFees()
	p.writer, err = ledger.NewWriter(ledger.WriterOptions{
		DB: p.writerDB, Clock: p.clock, Credentials: credentials, Location: p.location, Codes: p.keyring.PINPepper,
		DrawFees: fees, Node: node,
	})
	if err != nil {
		return err
	}
	p.poster = ledger.NewPoster(ledger.PosterOptions{
		Clock: p.clock, Credentials: credentials, Location: p.location, Codes: p.keyring.PINPepper, DrawFees: fees,
	})
	p.transactions = transactions.NewStore(p.db)
	p.promises = transactions.NewPromises(p.db)
	p.outbox = outbox.NewStore(p.db, p.clock)
	p.identity = identity.New(identity.Options{
		DB: p.db, Writer: p.writer, Keys: p.ledger, Credentials: credentials, Keyring: p.keyring, Clock: p.clock,
	})
	return nil
}

// drawFees says where the fees of overdraft draws go, which the ledger charges itself.
func (p *parts) drawFees() ledger.DrawFees {
	prices := tariffs.InForce{Books: p.tariffs}
	return ledger.DrawFees{
		Income: p.books.FeeIncome, Tax: p.books.TaxPayable,
		TaxBPS: func(at time.Time) (int64, error) { return prices.TaxBPS(string(transactions.OverdraftDraw), at) },
	}
}

func (p *parts) openPeople(context.Context) error {
	p.clients = identity.NewClients(p.db, p.keyring, p.clock)
	p.tokens = identity.NewTokens(identity.TokenOptions{
		Clients: p.clients, Signer: p.signer, Clock: p.clock, Issuer: issuer, Audience: issuer, Life: p.config.TokenLife,
		Revocations: identity.NewRevocations(p.db, p.clock, p.config.TokenLife),
	})
	sims, err := p.simSwaps()
	if err != nil {
		return err
	}
	p.customers = customers.New(customers.Options{
		DB: p.db, Ledger: p.ledger, Identity: p.identity, Keyring: p.keyring, Clock: p.clock, Currency: p.config.Currency,
		SIMs: sims, Silence: customers.Silence(p.config.SIMSwapSilence), SIMHold: p.config.SIMHold, ResetHold: p.config.PINResetHold,
		Mishap: func(ctx context.Context, err error) {
			p.log.WarnContext(ctx, "SIM swaps were not told", slog.Any("error", err))
		},
	})
	p.agents = agents.New(agents.Options{
		DB: p.db, Ledger: p.ledger, Identity: p.identity, Clock: p.clock, Currency: p.config.Currency,
	})
	p.bank = bank.New(bank.Options{
		DB: p.db, Writer: p.writer, Ledger: p.ledger, Transactions: p.transactions, Customers: p.customers,
		Limits: p.limits, Clock: p.clock, Location: p.location, Books: ledger.NewStore(p.proofDB, p.clock),
	})
	p.payments = payments.New(payments.Options{
		DB: p.db, Writer: p.writer, Poster: p.poster, Approvals: p.approvals, Ledger: p.ledger,
		Transactions: p.transactions, Promises: p.promises, Customers: p.customers, Agents: p.agents, Identity: p.identity,
		Tariffs: tariffs.InForce{Books: p.tariffs}, Limits: p.limits, Keyring: p.keyring, Clock: p.clock,
		Location: p.location, Currency: p.config.Currency, Books: p.books,
	})
	p.products = products.New(products.Options{
		DB: p.db, Writer: p.writer, Ledger: p.ledger, Payments: p.payments, Customers: p.customers, Clock: p.clock,
		Location: p.location, Currency: p.config.Currency, Books: p.books,
	})
	p.effects.Add(payments.KindReversal, p.payments.ReversalEffect())
	p.effects.Add(payments.KindAdjustment, p.payments.AdjustmentEffect())
	return nil
}

// simSwaps is the operator's API, nil where none is configured.
func (p *parts) simSwaps() (customers.SIMSwaps, error) {
	if p.config.SIMSwapURL == "" {
		return nil, nil //nolint:nilnil // nobody to ask is an answer
	}
	return simswap.New(simswap.Options{
		URL: p.config.SIMSwapURL, Token: p.config.SIMSwapToken, Period: p.config.SIMHold, Timeout: p.config.SIMSwapTimeout,
		Clock: p.clock,
	})
}

func (p *parts) openMenus(context.Context) error {
	var err error
	if p.packs, err = menus.LoadPacks(defaultLanguage); err != nil {
		return err
	}
	p.engine, err = menus.New(menus.Options{
		Packs: p.packs, Clock: p.clock, Currency: p.config.Currency, Region: p.config.Region, Location: p.location,
		Help: p.config.HelpNumber, Policies: p.policies,
		Services: menus.Services{
			Customers: p.customers, Agents: p.agents, Identity: p.identity, Payments: p.payments, Products: p.products,
			Limits: limits.InForce{Books: p.limits}, Lookups: newLookups(p.sessions.Rates(), p.config.LookupsPerHour),
			Commissions: commissions.New(commissions.Options{
				DB: p.db, Writer: p.writer, Ledger: p.ledger, Agents: p.agents, Identity: p.identity, Clock: p.clock,
				Location: p.location, Currency: p.config.Currency,
			}),
			Reports: reports.New(reports.Options{DB: p.db, Clock: p.clock, Location: p.location, Currency: p.config.Currency}),
		},
	})
	return err
}

// pipeline takes the hops of all configured gateways.
func (p *parts) pipeline() (*ussd.Pipeline, error) {
	codes := map[string]menus.Root{}
	for code, root := range p.config.ShortCodes {
		codes[code] = menus.Root(root)
	}
	return ussd.New(ussd.Options{
		Engine: p.engine, Sessions: p.sessions, Hash: p.keyring.Caller, Clock: p.clock, Log: p.log,
		Gateways: append(gatewayTerms(p.config, codes), nativeTerms(codes)),
		Meter:    p.metrics, Registry: p.metrics.Registry(),
	})
}

// close ends everything that open opened, newest first.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	if p.unwatch != nil {
		p.unwatch()
	}
	if p.writer != nil {
		errs = append(errs, p.writer.Close(ctx))
	}
	if p.sessions != nil {
		errs = append(errs, p.sessions.Close())
	}
	if p.audit != nil {
		errs = append(errs, p.audit.Close(ctx))
	}
	for _, log := range []*checkpoints.Log{p.checkpoints, p.auditPoints} {
		if log != nil {
			errs = append(errs, log.Close())
		}
	}
	for _, db := range []*sql.DB{p.proofDB, p.writerDB, p.db} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
