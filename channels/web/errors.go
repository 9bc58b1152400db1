package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"nova/core/fault"
)

// Error is what every failure answers with. It is a fault on its way out: huma takes it as its own error, so that
// there is one body. Details maps a field to its problem, or a fact (attempts_left) to its value.
type Error struct {
	Code    fault.Code     `json:"errorCode" doc:"Stable code of the reason" example:"VALIDATION_ERROR"`
	Message string         `json:"message" doc:"The reason in English, for developers" example:"The request is not valid."`
	Details map[string]any `json:"details,omitempty" doc:"Field to problem, or fact to value" example:"{\"page_size\":\"expected number <= 100\"}"`

	status int
	retry  int // seconds for Retry-After; 0 for none
}

// Error is the code; nobody is shown it.
func (e *Error) Error() string { return string(e.Code) }

// GetStatus is the HTTP status to answer with.
func (e *Error) GetStatus() int { return e.status }

// answer is how a code is told over HTTP.
type answer struct {
	status  int
	message string
}

// answers is the one table from codes to statuses. A code that is missing here breaks a test.
var answers = map[fault.Code]answer{
	fault.ValidationError:        {http.StatusBadRequest, "The request is not valid."},
	fault.IdempotencyKeyRequired: {http.StatusBadRequest, "The Idempotency-Key header is missing or malformed."},
	fault.OTPInvalid:             {http.StatusBadRequest, "The one-time code is wrong."},

	fault.Unauthorized:       {http.StatusUnauthorized, "Authentication token is invalid or missing."},
	fault.InvalidCredentials: {http.StatusUnauthorized, "The credentials are wrong."},
	fault.TokenReused:        {http.StatusUnauthorized, "The refresh token was used before; sign in again."},

	fault.CodeForbidden:     {http.StatusForbidden, "You may not do this."},
	fault.PINInvalid:        {http.StatusForbidden, "The PIN is wrong."},
	fault.MFARequired:       {http.StatusForbidden, "A second factor is required for this request."},
	fault.DeviceNotBound:    {http.StatusForbidden, "This device is not bound to the account."},
	fault.KYCRequired:       {http.StatusForbidden, "The customer must be identified first."},
	fault.CapabilityMissing: {http.StatusForbidden, "This capability has not been granted."},

	fault.NotFound: {http.StatusNotFound, "There is no such resource."},

	fault.DuplicateEntity:       {http.StatusConflict, "This already exists."},
	fault.IdempotencyConflict:   {http.StatusConflict, "The idempotency key was used for another request."},
	fault.IdempotencyInProgress: {http.StatusConflict, "The request is being worked on; ask again with the same key."},
	fault.InvalidState:          {http.StatusConflict, "The resource's state does not allow this."},
	fault.AlreadyReversed:       {http.StatusConflict, "This has been reversed already."},
	fault.PeriodClosed:          {http.StatusConflict, "The period is closed."},
	fault.MakerCheckerViolation: {http.StatusConflict, "Somebody else must approve this."},

	fault.OTPExpired:   {http.StatusGone, "The one-time code has expired."},
	fault.QuoteExpired: {http.StatusGone, "The quote has expired."},

	fault.PayloadTooLarge:      {http.StatusRequestEntityTooLarge, "The request is too large."},
	fault.UnsupportedMediaType: {http.StatusUnsupportedMediaType, "The content type or encoding is not supported."},

	fault.InsufficientFunds:  {http.StatusUnprocessableEntity, "There is not enough money."},
	fault.LimitExceeded:      {http.StatusUnprocessableEntity, "A limit would be exceeded."},
	fault.MaxBalanceExceeded: {http.StatusUnprocessableEntity, "The payee's balance would exceed its maximum."},
	fault.SameParties:        {http.StatusUnprocessableEntity, "Payer and payee are the same."},
	fault.AccountFrozen:      {http.StatusUnprocessableEntity, "The account is frozen."},
	fault.AccountClosed:      {http.StatusUnprocessableEntity, "The account is closed."},
	fault.UnbalancedPosting:  {http.StatusUnprocessableEntity, "Debits and credits are not equal."},
	fault.CurrencyMismatch:   {http.StatusUnprocessableEntity, "The currencies do not match."},
	fault.CustomerNotFound:   {http.StatusUnprocessableEntity, "There is no such customer."},

	fault.AccountLocked:     {http.StatusLocked, "The account is locked for now."},
	fault.RateLimitExceeded: {http.StatusTooManyRequests, "Too many requests."},

	fault.InternalServerError: {http.StatusInternalServerError, "Something went wrong on our side."},
	fault.ServiceUnavailable:  {http.StatusServiceUnavailable, "The service is not available right now."},
}

// Status is the HTTP status of a code; a code outside the catalogue is our own mistake, and 500.
func Status(code fault.Code) int {
	if a, ok := answers[code]; ok {
		return a.status
	}
	return http.StatusInternalServerError
}

// retryAfter is the fact that also becomes a Retry-After header.
const retryAfter = "retry_after_seconds"

// told turns an error into what a caller is told. The fault's Detail and cause stay behind.
func told(err error) *Error {
	e := reason(err)
	a, ok := answers[e.Code]
	if !ok {
		e = &fault.Error{Code: fault.InternalServerError}
		a = answers[e.Code]
	}
	t := &Error{Code: e.Code, Message: a.message, status: a.status}
	if len(e.Fields)+len(e.Extra) > 0 {
		t.Details = make(map[string]any, len(e.Fields)+len(e.Extra))
	}
	for field, problem := range e.Fields {
		t.Details[field] = problem
	}
	for fact, value := range e.Extra {
		t.Details[fact] = value
	}
	t.retry, _ = e.Extra[retryAfter].(int)
	if own := routerStatus(err); own != 0 {
		t.status = own
	}
	if t.retry == 0 && a.status == http.StatusServiceUnavailable {
		t.retry = overloadRetry
	}
	return t
}

// reason is fault.From for this border: what Fiber itself refuses and what ran out of time get their own codes.
func reason(err error) *fault.Error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	var router *fiber.Error
	if errors.As(err, &router) {
		return routerFault(router)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fault.Wrap(err, fault.ServiceUnavailable, "ran out of time")
	}
	return fault.From(err)
}

// routerCodes are the refusals of Fiber and fasthttp.
var routerCodes = map[int]fault.Code{
	http.StatusNotFound:                    fault.NotFound,
	http.StatusMethodNotAllowed:            fault.NotFound,
	http.StatusRequestEntityTooLarge:       fault.PayloadTooLarge,
	http.StatusRequestHeaderFieldsTooLarge: fault.PayloadTooLarge,
	http.StatusRequestURITooLong:           fault.PayloadTooLarge,
	http.StatusUnsupportedMediaType:        fault.UnsupportedMediaType,
	http.StatusRequestTimeout:              fault.ServiceUnavailable,
	http.StatusBadGateway:                  fault.ServiceUnavailable,
	http.StatusBadRequest:                  fault.ValidationError,
	http.StatusUnprocessableEntity:         fault.ValidationError,
}

// routerStatus keeps the two statuses of HTTP itself that have no code of their own in the contract: a method that a
// resource lacks (405, told as NOT_FOUND) and over-long headers (431, told as PAYLOAD_TOO_LARGE). 0 for all else.
func routerStatus(err error) int {
	var router *fiber.Error
	if !errors.As(err, &router) {
		return 0
	}
	if router.Code == http.StatusMethodNotAllowed || router.Code == http.StatusRequestHeaderFieldsTooLarge {
		return router.Code
	}
	return 0
}

// routerFault never repeats Fiber's message: it quotes the path or the bytes that it could not parse.
func routerFault(e *fiber.Error) *fault.Error {
	code, ok := routerCodes[e.Code]
	if !ok {
		return fault.New(fault.InternalServerError, "http server answered %d", e.Code)
	}
	return fault.New(code, "http server answered %d", e.Code)
}

// WriteError answers with the error's code and body. It is the only way to answer a failure in JSON; the error is
// noted for the request's log line, so the caller need not log it.
func WriteError(c *fiber.Ctx, err error) error {
	noteError(c, err)
	t := told(err)
	setRefusalHeaders(c.Set, t)
	return c.Status(t.status).JSON(t)
}

// setRefusalHeaders adds the headers that belong to a failure.
func setRefusalHeaders(set func(key, value string), t *Error) {
	if t.Code == fault.Unauthorized || t.Code == fault.TokenReused {
		set(fiber.HeaderWWWAuthenticate, `Bearer realm="nova"`)
	}
	if t.retry > 0 {
		set(fiber.HeaderRetryAfter, strconv.Itoa(t.retry))
	}
}

// errorLocal is where a request's error waits for the log line.
const errorLocal = "nova.error"

func noteError(c *fiber.Ctx, err error) { c.Locals(errorLocal, err) }

func notedError(c *fiber.Ctx) error {
	err, _ := c.Locals(errorLocal).(error)
	return err
}
