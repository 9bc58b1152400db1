package fault

// Code is the stable name of a reason, as clients read it in errorCode. A code is
// never renamed, and it means one thing in every channel.
type Code string

// The codes of the HTTP contract, in its order: by the status they answer with.
const (
	ValidationError        Code = "VALIDATION_ERROR"
	IdempotencyKeyRequired Code = "IDEMPOTENCY_KEY_REQUIRED"
	OTPInvalid             Code = "OTP_INVALID"

	Unauthorized       Code = "UNAUTHORIZED"
	InvalidCredentials Code = "INVALID_CREDENTIALS"
	TokenReused        Code = "TOKEN_REUSED"

	// CodeForbidden is the code FORBIDDEN; the plain name belongs to its kind.
	CodeForbidden     Code = "FORBIDDEN"
	PINInvalid        Code = "PIN_INVALID"  // Extra: attempts_left
	MFARequired       Code = "MFA_REQUIRED" // Extra: challenge
	DeviceNotBound    Code = "DEVICE_NOT_BOUND"
	KYCRequired       Code = "KYC_REQUIRED"
	CapabilityMissing Code = "CAPABILITY_MISSING"

	NotFound Code = "NOT_FOUND"

	DuplicateEntity     Code = "DUPLICATE_ENTITY"
	IdempotencyConflict Code = "IDEMPOTENCY_CONFLICT"
	// IdempotencyInProgress also answers for what the ledger has taken and whose
	// outcome is not known yet: a handset then says "Wait for our SMS. Do not send
	// again."
	IdempotencyInProgress Code = "IDEMPOTENCY_IN_PROGRESS"
	InvalidState          Code = "INVALID_STATE"
	AlreadyReversed       Code = "ALREADY_REVERSED"
	PeriodClosed          Code = "PERIOD_CLOSED"
	MakerCheckerViolation Code = "MAKER_CHECKER_VIOLATION"

	OTPExpired   Code = "OTP_EXPIRED"
	QuoteExpired Code = "QUOTE_EXPIRED"

	PayloadTooLarge      Code = "PAYLOAD_TOO_LARGE"
	UnsupportedMediaType Code = "UNSUPPORTED_MEDIA_TYPE"

	InsufficientFunds  Code = "INSUFFICIENT_FUNDS"
	LimitExceeded      Code = "LIMIT_EXCEEDED"
	MaxBalanceExceeded Code = "MAX_BALANCE_EXCEEDED"
	SameParties        Code = "SAME_PARTIES"
	AccountFrozen      Code = "ACCOUNT_FROZEN"
	AccountClosed      Code = "ACCOUNT_CLOSED"
	UnbalancedPosting  Code = "UNBALANCED_POSTING"
	CurrencyMismatch   Code = "CURRENCY_MISMATCH"
	// CustomerNotFound is about a payee or party named in a body; a thing named in
	// a path is NotFound.
	CustomerNotFound Code = "CUSTOMER_NOT_FOUND"

	AccountLocked     Code = "ACCOUNT_LOCKED"      // Extra: retry_after_seconds
	RateLimitExceeded Code = "RATE_LIMIT_EXCEEDED" // Extra: retry_after_seconds

	InternalServerError Code = "INTERNAL_SERVER_ERROR"
	ServiceUnavailable  Code = "SERVICE_UNAVAILABLE"
)

// catalogue is the only place that gives a code its kind. Its order is Codes()'.
var catalogue = []struct {
	code Code
	kind Kind
}{
	{ValidationError, Invalid},
	{IdempotencyKeyRequired, Invalid},
	{OTPInvalid, Declined},
	{Unauthorized, Forbidden},
	{InvalidCredentials, Forbidden},
	{TokenReused, Forbidden},
	{CodeForbidden, Forbidden},
	{PINInvalid, Declined},
	{MFARequired, Forbidden},
	{DeviceNotBound, Forbidden},
	{KYCRequired, Forbidden},
	{CapabilityMissing, Forbidden},
	{NotFound, Unknown},
	{DuplicateEntity, Conflict},
	{IdempotencyConflict, Conflict},
	{IdempotencyInProgress, Conflict},
	{InvalidState, Declined},
	{AlreadyReversed, Declined},
	{PeriodClosed, Declined},
	{MakerCheckerViolation, Forbidden},
	{OTPExpired, Declined},
	{QuoteExpired, Declined},
	{PayloadTooLarge, Invalid},
	{UnsupportedMediaType, Invalid},
	{InsufficientFunds, Declined},
	{LimitExceeded, Declined},
	{MaxBalanceExceeded, Declined},
	{SameParties, Declined},
	{AccountFrozen, Declined},
	{AccountClosed, Declined},
	{UnbalancedPosting, Invalid},
	{CurrencyMismatch, Invalid},
	{CustomerNotFound, Unknown},
	{AccountLocked, Declined},
	{RateLimitExceeded, Declined},
	{InternalServerError, Internal},
	{ServiceUnavailable, Unavailable},
}

// kinds indexes the catalogue; it is built once and only read.
var kinds = func() map[Code]Kind {
	m := make(map[Code]Kind, len(catalogue))
	for _, row := range catalogue {
		m[row.code] = row.kind
	}
	return m
}()

// Kind is who must act on this code. A code outside the catalogue is Internal: only
// we can have made it.
func (c Code) Kind() Kind { return kinds[c] }

// Codes lists the catalogue in the order of the HTTP contract, for the tables that
// must cover it: statuses in channels/web, words in each language.
func Codes() []Code {
	codes := make([]Code, len(catalogue))
	for i, row := range catalogue {
		codes[i] = row.code
	}
	return codes
}
