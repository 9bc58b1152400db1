package identity

import (
	"context"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/secret"
	"nova/sql"
)

// Role is what a member of staff is there for.
type Role string

// The roles of staff.
const (
	Operations Role = "operations"
	Finance    Role = "finance"
	Compliance Role = "compliance"
	Support    Role = "support"
	Admin      Role = "admin"
)

// Roles lists the roles, for what must cover them.
func Roles() []Role { return []Role{Operations, Finance, Compliance, Support, Admin} }

const (
	// maxStaffWrong wrong sign-ins lock somebody, and staffLock is for how long: a person waits, a machine gives up.
	maxStaffWrong = 5
	staffLock     = 15 * time.Minute
	// maxEmail is RFC 5321's bound on a path, without its brackets.
	maxEmail = 254
	// maxStaffName bounds a name.
	maxStaffName = 100
	// maxPage bounds one page of a list.
	maxPage = 100
)

// The acts of staff's administration.
const (
	actStaffCreate   = "staff.create"
	actStaffRoles    = "staff.roles"
	actStaffDisable  = "staff.disable"
	actStaffEnable   = "staff.enable"
	actStaffPassword = "staff.password"
	actStaffTOTP     = "staff.totp_enrol"
	actStaffTOTPGone = "staff.totp_reset"
)

// StaffOptions are what a registry of staff is made of.
type StaffOptions struct {
	DB      *sql.DB
	Keyring *secret.Keyring
	SignIns *SignIns
	Clock   clock.Clock
	// Issuer names the service in authenticator apps.
	Issuer string
	// Purposes says what a role is for: core/policy's table.
	Purposes map[Role][]string
	// Scopes says which parts of the API a role works in.
	Scopes map[Role][]string
	// WithoutTOTP lets staff work with a password alone: for a demonstration, and never in production.
	WithoutTOTP bool
}

// Staffing knows the staff: who they are, their passwords, second factors and roles. It is safe for concurrent use.
type Staffing struct {
	o         StaffOptions
	passwords *passwords
	store     store
}

// NewStaffing joins the parts.
func NewStaffing(o StaffOptions) (*Staffing, error) {
	p, err := newPasswords()
	if err != nil {
		return nil, err
	}
	return &Staffing{o: o, passwords: p, store: newStore()}, nil
}

// Member is a member of staff.
type Member struct {
	ID         uuid.UUID
	Email      string
	Name       string
	Roles      []Role
	Active     bool
	HasTOTP    bool
	MustChange bool // the password was given by somebody else
	// LockedUntil is zero unless locked now.
	LockedUntil          time.Time
	CreatedAt, UpdatedAt time.Time
}

// Subject is the member as a subject of proofs.
func (m Member) Subject() Subject { return Subject{Kind: Staff, ID: m.ID} }

// NewMember is what Create needs. The password is one that its owner changes at the first sign-in.
type NewMember struct {
	Email, Name string
	Roles       []Role
	Password    secret.Text
}

// Create adds a member of staff. An email that is taken is a DUPLICATE_ENTITY.
func (s *Staffing) Create(ctx context.Context, n NewMember, via Via) (Member, error) {
	if err := checkPassword(n.Password, n.Email); err != nil {
		return Member{}, err
	}
	return s.create(ctx, n, true, via)
}

// Seed is Create for the demonstration: any password will do, and need not be changed. A member who is there stays.
func (s *Staffing) Seed(ctx context.Context, n NewMember) error {
	_, err := s.create(ctx, n, false, Via{Actor: audit.Nova})
	if fault.Is(err, fault.DuplicateEntity) {
		return nil
	}
	return err
}

func (s *Staffing) create(ctx context.Context, n NewMember, mustChange bool, via Via) (Member, error) {
	email, err := parseEmail(n.Email)
	if err != nil {
		return Member{}, err
	}
	if err := checkMember(n); err != nil {
		return Member{}, err
	}
	hash, err := s.passwords.hash(ctx, n.Password) // before the transaction: it takes long
	if err != nil {
		return Member{}, err
	}
	now := s.o.Clock.Now()
	row := staffRow{
		ID: ids.New(now), Email: email, Name: n.Name, Roles: roleWords(n.Roles), Password: hash, MustChange: mustChange,
		Status: staffActive, CreatedAt: now, UpdatedAt: now,
	}
	err = s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		added, err := s.store.insertStaff(ctx, tx, row, via.Actor, now)
		if err != nil {
			return err
		}
		if !added {
			return fault.New(fault.DuplicateEntity, "staff %s is there", row.ID).Field("email", "is taken")
		}
		return audit.RecordIn(ctx, tx, now, via.done(actStaffCreate, row.subject(), map[string]string{
			audit.DetailLogin: email, audit.DetailRole: row.Roles,
		}))
	})
	return row.member(now), err
}

func checkMember(n NewMember) error {
	if n.Name == "" || len(n.Name) > maxStaffName || !printable(n.Name) {
		return fault.New(fault.ValidationError, "a staff name of %d bytes", len(n.Name)).
			Field("name", "must have 1 to 100 printable characters")
	}
	return checkRoles(n.Roles)
}

func checkRoles(roles []Role) error {
	known := Roles()
	if len(roles) == 0 || len(roles) > len(known) {
		return fault.New(fault.ValidationError, "%d roles", len(roles)).Field("roles", "must be one or more")
	}
	for _, role := range roles {
		if !slices.Contains(known, role) {
			return fault.New(fault.ValidationError, "role %.32q", role).Field("roles", "is not known")
		}
	}
	return nil
}

func roleWords(roles []Role) string {
	sorted := slices.Clone(roles)
	slices.Sort(sorted)
	text := make([]string, 0, len(sorted))
	for _, role := range slices.Compact(sorted) {
		text = append(text, string(role))
	}
	return joined(text)
}

// parseEmail reads an address in lower case: staff have one each, however they type it.
func parseEmail(text string) (string, error) {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || len(text) > maxEmail {
		return "", fault.New(fault.ValidationError, "malformed email").Field("email", "is not an address")
	}
	return strings.ToLower(text), nil
}

// ByID finds a member of staff; nobody is a NOT_FOUND.
func (s *Staffing) ByID(ctx context.Context, id uuid.UUID) (Member, error) {
	row, found, err := s.store.staffByID(ctx, s.o.DB, id)
	if err == nil && !found {
		err = noStaff(id)
	}
	return row.member(s.o.Clock.Now()), err
}

// ByEmail finds a member of staff by the address that they sign in under; nobody is a NOT_FOUND.
func (s *Staffing) ByEmail(ctx context.Context, text string) (Member, error) {
	email, err := parseEmail(text)
	if err != nil {
		return Member{}, err
	}
	row, found, err := s.store.staffByEmail(ctx, s.o.DB, email)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no staff of that email").Field("email", "is nobody's")
	}
	return row.member(s.o.Clock.Now()), err
}

// List is a page of the staff in the order of their emails, after the given one ("" for the first page). more tells
// that there is another page.
func (s *Staffing) List(ctx context.Context, after string, most int) (page []Member, more bool, err error) {
	most = min(max(most, 1), maxPage)
	rows, err := s.store.staffAfter(ctx, s.o.DB, after, most+1)
	now := s.o.Clock.Now()
	for i, row := range rows {
		if i == most {
			return page, true, err
		}
		page = append(page, row.member(now))
	}
	return page, false, err
}

func noStaff(id uuid.UUID) error { return fault.New(fault.NotFound, "no staff %s", id) }

// SetRoles changes what somebody is there for. Their sign-ins end, so that what was taken is gone at once.
func (s *Staffing) SetRoles(ctx context.Context, id uuid.UUID, roles []Role, via Via) error {
	if err := checkRoles(roles); err != nil {
		return err
	}
	return s.change(ctx, id, reasonRoles, func(ctx context.Context, tx *sql.Tx, row staffRow) (audit.Event, error) {
		to := roleWords(roles)
		return via.done(actStaffRoles, row.subject(), map[string]string{audit.DetailFrom: row.Roles, audit.DetailTo: to}),
			s.store.setRoles(ctx, tx, id, to, s.o.Clock.Now())
	})
}

// Disable ends somebody's access at once, everywhere.
func (s *Staffing) Disable(ctx context.Context, id uuid.UUID, via Via) error {
	return s.setStatus(ctx, id, staffDisabled, via.done(actStaffDisable, Subject{Kind: Staff, ID: id}, nil))
}

// Enable gives it back. Whoever was signed in before signs in again.
func (s *Staffing) Enable(ctx context.Context, id uuid.UUID, via Via) error {
	return s.setStatus(ctx, id, staffActive, via.done(actStaffEnable, Subject{Kind: Staff, ID: id}, nil))
}

func (s *Staffing) setStatus(ctx context.Context, id uuid.UUID, to string, e audit.Event) error {
	return s.change(ctx, id, reasonDisabled, func(ctx context.Context, tx *sql.Tx, _ staffRow) (audit.Event, error) {
		return e, s.store.setStaffStatus(ctx, tx, id, to, s.o.Clock.Now())
	})
}

// ResetTOTP takes the second factor of somebody who has lost it: they enrol another at the next sign-in.
func (s *Staffing) ResetTOTP(ctx context.Context, id uuid.UUID, via Via) error {
	return s.change(ctx, id, reasonDisabled, func(ctx context.Context, tx *sql.Tx, row staffRow) (audit.Event, error) {
		return via.done(actStaffTOTPGone, row.subject(), nil), s.store.dropTOTP(ctx, tx, id, s.o.Clock.Now())
	})
}

// ResetPassword gives somebody a password that they must change at the next sign-in.
func (s *Staffing) ResetPassword(ctx context.Context, id uuid.UUID, password secret.Text, via Via) error {
	m, err := s.ByID(ctx, id)
	if err != nil {
		return err
	}
	if err := checkPassword(password, m.Email); err != nil {
		return err
	}
	return s.setPassword(ctx, m, password, true, via)
}

func (s *Staffing) setPassword(ctx context.Context, m Member, password secret.Text, mustChange bool, via Via) error {
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.change(ctx, m.ID, reasonPassword, func(ctx context.Context, tx *sql.Tx, row staffRow) (audit.Event, error) {
		return via.done(actStaffPassword, row.subject(), nil),
			s.store.setPassword(ctx, tx, m.ID, hash, mustChange, s.o.Clock.Now())
	})
}

// change does something to a member under their row's lock, ends their sign-ins and records it.
func (s *Staffing) change(ctx context.Context, id uuid.UUID, reason string,
	do func(ctx context.Context, tx *sql.Tx, row staffRow) (audit.Event, error)) error {
	var ended []uuid.UUID
	err := s.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		row, found, err := s.store.lockStaff(ctx, tx, id)
		if err != nil {
			return err
		}
		if !found {
			return noStaff(id)
		}
		e, err := do(ctx, tx, row)
		if err != nil {
			return err
		}
		if ended, err = s.store.revokeSubject(ctx, tx, id, noFamily, reason, s.o.Clock.Now()); err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, s.o.Clock.Now(), e)
	})
	if err == nil {
		s.o.SignIns.tokens.revoked.note(ended...)
	}
	return err
}
