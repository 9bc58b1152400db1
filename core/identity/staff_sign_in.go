package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/secret"
	"nova/sql"
)

// StaffSignIn is a member of staff at the door. TOTP is the code of their authenticator app, empty where they have none.
type StaffSignIn struct {
	Email    string
	Password secret.Text
	TOTP     secret.Text
	Via      Via
}

// StaffSignedIn is SignedIn, and what the member must do before they can work: enrol a second factor, change a password
// that somebody else chose. Until then the tokens grant nothing.
type StaffSignedIn struct {
	SignedIn
	Member    Member
	MustEnrol bool
}

// SignIn begins a family for a member of staff: assurance 2 with a second factor, 1 without. Whatever is wrong, the name,
// the password, the code, a code that was used before, a lock or a disabled account, is one INVALID_CREDENTIALS after the
// same hashing; not even a lock is told, for only its owner could use the news. Guesses are counted before they are
// compared, so five in parallel are five.
func (s *Staffing) SignIn(ctx context.Context, in StaffSignIn) (StaffSignedIn, error) {
	email, err := parseEmail(in.Email)
	if err != nil || len(in.Password.Reveal()) > MaxPassword {
		return StaffSignedIn{}, fault.New(fault.InvalidCredentials, "staff sign-in of no possible form")
	}
	row, found, err := s.store.staffByEmail(ctx, s.o.DB, email)
	if err != nil {
		return StaffSignedIn{}, err
	}
	signedIn, err := s.signIn(ctx, in, row, found)
	if err == nil || fault.Ours(err) {
		return signedIn, err
	}
	e := in.Via.refused(actSignIn, row.subject(), err, map[string]string{
		audit.DetailLogin: email, audit.DetailFactor: amrPassword,
	})
	if recordErr := recordAlone(ctx, s.o.DB, s.o.Clock.Now(), e); recordErr != nil {
		return StaffSignedIn{}, recordErr
	}
	return StaffSignedIn{}, err
}

func (s *Staffing) signIn(ctx context.Context, in StaffSignIn, row staffRow, found bool) (StaffSignedIn, error) {
	refusal := fault.New(fault.InvalidCredentials, "staff sign-in refused")
	counted, err := s.store.countStaffTry(ctx, s.o.DB, row.ID, s.o.Clock.Now())
	if err != nil {
		return StaffSignedIn{}, err
	}
	compared := s.passwords.dummy
	if found {
		compared = row.Password
	}
	right, err := s.passwords.matches(ctx, compared, in.Password)
	if err != nil {
		return StaffSignedIn{}, err
	}
	if !found || !counted || !right {
		return StaffSignedIn{}, refusal
	}
	step, err := s.totpOf(row, in.TOTP)
	if err != nil {
		return StaffSignedIn{}, err
	}
	return s.begin(ctx, in, row, step)
}

// totpOf is the time step of the code that somebody with a second factor must show; 0 where there is none to show.
func (s *Staffing) totpOf(row staffRow, code secret.Text) (int64, error) {
	if row.TOTPSince == nil {
		return 0, nil
	}
	key, err := s.o.Keyring.Field.Open(row.TOTPSealed, totpAAD(row.ID))
	if err != nil {
		return 0, fmt.Errorf("open the second factor of %s: %w", row.ID, err)
	}
	step, right := totpStep(key, code, s.o.Clock.Now())
	if !right {
		return 0, fault.New(fault.InvalidCredentials, "wrong second factor of %s", row.ID)
	}
	return step, nil
}

func (s *Staffing) begin(ctx context.Context, in StaffSignIn, row staffRow, step int64) (StaffSignedIn, error) {
	o := opening{
		subject: row.subject(), aal: 1, amr: []string{amrPassword}, via: in.Via, grant: s.grant(row),
		first: func(ctx context.Context, tx *sql.Tx) error { return s.admitIn(ctx, tx, row, step) },
	}
	if step > 0 {
		o.aal, o.amr = aalStepUp, []string{amrPassword, amrOTP, amrMFA}
	}
	signedIn, err := s.o.SignIns.begin(ctx, o)
	signedIn.MustChange = row.MustChange
	return StaffSignedIn{
		SignedIn: signedIn, Member: row.member(s.o.Clock.Now()), MustEnrol: s.mustEnrol(row),
	}, err
}

// admitIn decides under the row's lock: the member is still as they were compared, and the code's step was not used.
func (s *Staffing) admitIn(ctx context.Context, tx *sql.Tx, compared staffRow, step int64) error {
	row, found, err := s.store.lockStaff(ctx, tx, compared.ID)
	if err != nil {
		return err
	}
	refusal := fault.New(fault.InvalidCredentials, "staff %s changed, or the code was used", compared.ID)
	if !found || row.Status != staffActive || row.Password != compared.Password ||
		(row.TOTPSince == nil) != (compared.TOTPSince == nil) {
		return refusal
	}
	if step > 0 {
		used, err := s.store.useTOTP(ctx, tx, row.ID, step)
		if err != nil {
			return err
		}
		if !used {
			return refusal
		}
	}
	return s.store.clearStaffTries(ctx, tx, row.ID)
}

func (s *Staffing) mustEnrol(row staffRow) bool { return row.TOTPSince == nil && !s.o.WithoutTOTP }

// grant is what a member may do now; nothing until they have a second factor and a password of their own.
func (s *Staffing) grant(row staffRow) Grant {
	g := Grant{Name: row.Name}
	if s.mustEnrol(row) || row.MustChange {
		return g
	}
	for _, role := range row.roles() {
		g.Roles = append(g.Roles, string(role))
		g.Purposes = append(g.Purposes, s.o.Purposes[role]...)
		g.Scopes = append(g.Scopes, s.o.Scopes[role]...)
	}
	slices.Sort(g.Purposes)
	slices.Sort(g.Scopes)
	g.Purposes, g.Scopes = slices.Compact(g.Purposes), slices.Compact(g.Scopes)
	return g
}

// Grant is what a member may do now, for each refresh: a Grants for staff. Who is disabled is FORBIDDEN.
func (s *Staffing) Grant(ctx context.Context, sub Subject) (Grant, error) {
	row, found, err := s.store.staffByID(ctx, s.o.DB, sub.ID)
	if err != nil {
		return Grant{}, err
	}
	if !found || row.Status != staffActive {
		return Grant{}, fault.New(fault.CodeForbidden, "staff %s may not act", sub.ID)
	}
	return s.grant(row), nil
}

// EnrolTOTP makes a second factor for somebody who has none and returns what their authenticator app reads from a QR
// code, once. It counts from ConfirmTOTP on. Who has one is an INVALID_STATE: an administrator takes it first.
func (s *Staffing) EnrolTOTP(ctx context.Context, id uuid.UUID) (secret.Text, error) {
	m, err := s.ByID(ctx, id)
	if err != nil {
		return secret.Text{}, err
	}
	key := newTOTPSecret()
	sealed, err := s.o.Keyring.Field.Seal(key, totpAAD(id))
	if err != nil {
		return secret.Text{}, fmt.Errorf("seal a second factor: %w", err)
	}
	set, err := s.store.setTOTP(ctx, s.o.DB, id, sealed, s.o.Clock.Now())
	if err == nil && !set {
		err = fault.New(fault.InvalidState, "staff %s has a second factor", id)
	}
	return totpURI(s.o.Issuer, m.Email, key), err
}

// ConfirmTOTP turns on the second factor of EnrolTOTP with its first code. Their sign-ins end: the next one is of
// assurance 2. A wrong code is an OTP_INVALID, nothing to confirm an INVALID_STATE.
func (s *Staffing) ConfirmTOTP(ctx context.Context, id uuid.UUID, code secret.Text, via Via) error {
	return s.change(ctx, id, reasonPassword, func(ctx context.Context, tx *sql.Tx, row staffRow) (audit.Event, error) {
		none := audit.Event{}
		if row.TOTPSealed == nil || row.TOTPSince != nil {
			return none, fault.New(fault.InvalidState, "staff %s has nothing to confirm", id)
		}
		key, err := s.o.Keyring.Field.Open(row.TOTPSealed, totpAAD(id))
		if err != nil {
			return none, fmt.Errorf("open the second factor of %s: %w", id, err)
		}
		now := s.o.Clock.Now()
		step, right := totpStep(key, code, now)
		if !right {
			return none, fault.New(fault.OTPInvalid, "wrong first code of %s", id).Field("code", "is not right")
		}
		return via.done(actStaffTOTP, row.subject(), nil), s.store.confirmTOTP(ctx, tx, id, step, now)
	})
}

// ChangePassword changes a member's own password, against the old one, which counts as a sign-in's guess. Their sign-ins
// end. A wrong old one is an INVALID_CREDENTIALS; the old one again, or one that will not do, a VALIDATION_ERROR.
func (s *Staffing) ChangePassword(ctx context.Context, id uuid.UUID, old, password secret.Text, via Via) error {
	row, found, err := s.store.staffByID(ctx, s.o.DB, id)
	if err != nil {
		return err
	}
	if !found {
		return noStaff(id)
	}
	if err := checkPassword(password, row.Email); err != nil {
		return err
	}
	if old.Equal(password) {
		return fault.New(fault.ValidationError, "the password in use").Field("password", PINInUse)
	}
	counted, err := s.store.countStaffTry(ctx, s.o.DB, id, s.o.Clock.Now())
	if err != nil {
		return err
	}
	right, err := s.passwords.matches(ctx, row.Password, old)
	if err != nil {
		return err
	}
	if !counted || !right {
		return fault.New(fault.InvalidCredentials, "wrong old password of %s", id)
	}
	return s.setPassword(ctx, row.member(s.o.Clock.Now()), password, false, via)
}
