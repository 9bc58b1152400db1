package policy

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"nova/core/fault"
)

// schemaText is what policies may speak of, but for the purposes.
//
//go:embed schema.cedarschema
var schemaText string

const (
	// suffix marks the files of policies; others of the folder are left alone.
	suffix = ".cedar"
	// maxFile bounds a file, and maxPolicies all of them together: a decision looks at each that is about its purpose.
	maxFile     = 256 << 10
	maxPolicies = 500
)

// The annotations of a policy.
const (
	noteID    = "id"    // its name, in decisions and audit events
	noteCode  = "code"  // what a forbid answers instead of FORBIDDEN
	noteMask  = "mask"  // "personal": what a permit shows must be masked
	noteAudit = "audit" // "always": what a permit allows is recorded
)

// refusalCodes are those that a forbid may answer.
var refusalCodes = []fault.Code{
	fault.CodeForbidden, fault.MFARequired, fault.DeviceNotBound, fault.MakerCheckerViolation, fault.KYCRequired,
	fault.CapabilityMissing, fault.NotFound,
}

// rule is one policy, ready to be asked.
type rule struct {
	id          string
	permits     bool
	code        fault.Code // of a forbid
	mask, audit bool       // of a permit
	policy      *cedar.Policy
}

// rules are policies in the order of their files. They are a cedar.PolicyIterator.
type rules []rule

// All gives the policies in their order, so that of several that decide the same one is always named.
func (rs rules) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i := range rs {
			if !yield(cedar.PolicyID(rs[i].id), rs[i].policy) {
				return
			}
		}
	}
}

// find is the rule with an id that cedar has named.
func (rs rules) find(id cedar.PolicyID) *rule {
	return &rs[slices.IndexFunc(rs, func(r rule) bool { return r.id == string(id) })]
}

// load reads all policies of a folder, in the order of the files' names. Its error joins everything that is wrong with any of
// them.
func load(files fs.FS) (rules, error) {
	names, err := fs.Glob(files, "*"+suffix)
	if err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	checker, err := newValidator()
	if err != nil {
		return nil, err
	}
	var all rules
	var faults []error
	for _, name := range names {
		list, err := parse(files, name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for _, p := range list {
			r, err := newRule(p, checker)
			if r.id != "" && slices.ContainsFunc(all, func(o rule) bool { return o.id == r.id }) {
				err = errors.Join(err, errors.New("its id is another policy's, too"))
			}
			if err != nil {
				faults = append(faults, fmt.Errorf("%s:%d: policy %q: %w", name, p.Position().Line, r.id, err))
			}
			all = append(all, r)
		}
	}
	switch {
	case len(all) > maxPolicies:
		faults = append(faults, fmt.Errorf("%d policies, at most %d are read", len(all), maxPolicies))
	case len(all) == 0 && len(faults) == 0:
		faults = append(faults, errors.New("there is no policy: nobody could do anything"))
	}
	return all, errors.Join(faults...)
}

func parse(files fs.FS, name string) (cedar.PolicyList, error) {
	text, err := fs.ReadFile(files, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read policies: %w", err)
	case len(text) > maxFile:
		return nil, fmt.Errorf("%s: has more than %d bytes", name, maxFile)
	}
	list, err := cedar.NewPolicyListFromBytes(path.Base(name), text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

// newRule reads a policy's annotations and checks it against the schema: purposes, kinds and attributes that there are
// not, and what is of another type, are faults.
func newRule(p *cedar.Policy, checker *validate.Validator) (rule, error) {
	notes := p.Annotations()
	r := rule{id: string(notes[noteID]), permits: p.Effect() == cedar.Permit, policy: p}
	var faults []error
	if r.id == "" {
		faults = append(faults, errors.New("has no @id"))
	}
	if err := checker.Policy(r.id, (*ast.Policy)(p.AST())); err != nil {
		faults = append(faults, once(err))
	}
	for key, value := range notes {
		if err := r.note(string(key), string(value)); err != nil {
			faults = append(faults, err)
		}
	}
	if !r.permits && r.code == "" {
		r.code = fault.CodeForbidden
	}
	return r, errors.Join(faults...)
}

// forPurpose is how the validator says for which of the purposes something is wrong: it mostly is for all of them.
var forPurpose = regexp.MustCompile(` for Action::"[^"]*"`)

// once tells each of the validator's findings a single time.
func once(err error) error {
	var findings []string
	for finding := range strings.Lines(forPurpose.ReplaceAllString(err.Error(), "")) {
		if finding = strings.TrimSpace(finding); !slices.Contains(findings, finding) {
			findings = append(findings, finding)
		}
	}
	return errors.New(strings.Join(findings, "; "))
}

func (r *rule) note(key, value string) error {
	switch {
	case key == noteID:
	case key == noteCode && !r.permits && slices.Contains(refusalCodes, fault.Code(value)):
		r.code = fault.Code(value)
	case key == noteMask && r.permits && value == "personal":
		r.mask = true
	case key == noteAudit && r.permits && value == "always":
		r.audit = true
	default:
		return fmt.Errorf("@%s(%q) means nothing on it", key, value)
	}
	return nil
}

// newValidator checks policies against the schema with all purposes as its actions.
func newValidator() (*validate.Validator, error) {
	var text strings.Builder
	text.WriteString(schemaText)
	for _, purpose := range all {
		fmt.Fprintf(&text, "\naction %q appliesTo { principal: [Customer, Operator, Client, Staff, Stranger], resource: [%s], context: How };",
			purpose, kindList())
	}
	var s schema.Schema
	if err := s.UnmarshalCedar([]byte(text.String())); err != nil {
		return nil, fmt.Errorf("read the schema of policies: %w", err)
	}
	resolved, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolve the schema of policies: %w", err)
	}
	return validate.New(resolved, validate.WithStrict()), nil
}

// kinds are the kinds of objects.
var kinds = []Kind{Route, Wallet, Account, Transaction, Person, Agent, Outlet, Approval, Case, Device, Member}

func kindList() string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	return strings.Join(names, ", ")
}

// about tells whether a policy's head lets it be about a purpose; its conditions may still say otherwise.
func (r *rule) about(purpose Purpose) bool {
	action := cedar.NewEntityUID(actionType, cedar.String(purpose))
	switch scope := (*ast.Policy)(r.policy.AST()).Action.(type) {
	case ast.ScopeTypeEq:
		return scope.Entity == action
	case ast.ScopeTypeInSet:
		return slices.Contains(scope.Entities, action)
	}
	return true
}
