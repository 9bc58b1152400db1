package main_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The house rules: which folder may know which. Each check is a function over data, so
// that a fixture can break it; the tests at the end run them over the fixtures and
// over the code as it stands.

// module is the path that our own imports begin with.
const module = "nova/"

// listed is a package as go list tells of it, without its tests.
type listed struct {
	ImportPath string
	Imports    []string
}

// floors are the top-level folders; imports go down only, or stay on their floor.
// configs hangs beside them: it may use core's types, and cmd alone may enter it.
var floors = map[string]int{"cmd": 6, "channels": 5, "menus": 4, "sessions": 3, "configs": 2, "core": 1, "sql": 0}

// coreOrder is core's table: a package imports only lines above its own.
var coreOrder = [][]string{
	{"fault", "money", "msisdn", "ids", "clock", "secret"},
	{"outbox", "audit", "approvals"},
	{"rules"},
	{"tariffs"},
	{"transactions"},
	{"ledger"},
	{"limits"},
	{"identity"},
	{"policy"},
	{"files"},
	{"customers", "agents"},
	{"kyc", "disputes"},
	{"payments", "float", "commissions", "bank"},
	{"products"},
	{"reports", "content"},
}

// groundCoreLine is the one line whose packages may import each other: they are the
// vocabulary that all share, and fault is theirs too.
const groundCoreLine = 0

// kept says which folders alone may import a library, and who is excused.
var kept = []struct {
	library string
	homes   []string
	excused map[string]string // package -> reason
}{
	{
		library: "database/sql",
		homes:   []string{"nova/sql"},
		excused: map[string]string{
			"nova/sql/pglocal": "asks a server that it has just started whether it answers",
			"nova/sql/sqltest": "creates and drops the tests' databases",
		},
	},
	{
		library: "github.com/jmoiron/sqlx",
		homes:   []string{"nova/sql"},
	},
	{
		library: "github.com/lib/pq",
		homes:   []string{"nova/sql"},
		excused: map[string]string{
			"nova/sql/pglocal": "asks a server that it has just started whether it answers",
			"nova/sql/sqltest": "creates and drops the tests' databases",
		},
	},
	{
		library: "github.com/redis/go-redis/v9",
		homes:   []string{"nova/sessions", "nova/sessions/"},
	},
	{
		library: "github.com/gofiber/fiber/v2",
		homes:   []string{"nova/channels/", "nova/cmd/"},
	},
}

// onlyTypes are sub-packages of kept libraries that anyone may import, because they
// hold no connection.
var onlyTypes = []string{"database/sql/driver"}

// importFaults names every import that breaks the rule.
func importFaults(packages []listed) []string {
	var faults []string
	for _, p := range packages {
		from, ours := strings.CutPrefix(p.ImportPath, module)
		if _, known := floors[top(from)]; !ours || !known {
			faults = append(faults, p.ImportPath+" is on no floor of the house")
			continue
		}
		for _, imported := range p.Imports {
			reason := libraryFault(p.ImportPath, imported)
			if to, ours := strings.CutPrefix(imported, module); ours {
				reason = houseFault(from, to)
			}
			if reason != "" {
				faults = append(faults, fmt.Sprintf("%s imports %s: %s", p.ImportPath, imported, reason))
			}
		}
	}
	return faults
}

// houseFault says why one of our packages must not import another; "" if it may.
func houseFault(from, to string) string {
	fromTop, toTop := top(from), top(to)
	switch {
	case isHelper(to) && !isHelper(from):
		return "a test's helper is for tests"
	case fromTop == "cmd" && toTop != "cmd":
		return ""
	case toTop == "configs" && fromTop != "configs":
		return "configs is for cmd alone"
	case floors[fromTop] < floors[toTop]:
		return "imports go down only"
	case fromTop == "core" && toTop == "core":
		return coreFault(second(from), second(to))
	case fromTop == "channels" && toTop == "channels":
		return channelFault(from, to)
	}
	return ""
}

// coreFault applies core's table.
func coreFault(from, to string) string {
	fromLine, toLine := coreLine(from), coreLine(to)
	switch {
	case fromLine < 0:
		return "core/" + from + " is not in core's table"
	case from == to, toLine >= 0 && toLine < fromLine:
		return ""
	case fromLine == groundCoreLine && toLine == groundCoreLine:
		return ""
	}
	return "in core a package imports only lines above its own"
}

func coreLine(name string) int {
	return slices.IndexFunc(coreOrder, func(line []string) bool { return slices.Contains(line, name) })
}

// channelFault keeps the doors apart.
func channelFault(from, to string) string {
	doors := [2]string{second(from), second(to)}
	switch {
	case doors == [2]string{"rest", "ussd"}, doors == [2]string{"ussd", "rest"}:
		return "rest and ussd never import each other"
	case gateway(to) != "" && gateway(from) != gateway(to):
		return "only cmd knows the gateways"
	}
	return ""
}

// gateway names the gateway that a package belongs to; "" for channels/ussd itself and
// its tests' helper.
func gateway(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) < 3 || parts[0] != "channels" || parts[1] != "ussd" || isHelper(strings.Join(parts[:3], "/")) {
		return ""
	}
	return parts[2]
}

// isHelper tells a package that only tests may use by its name: sqltest, ussdtest.
func isHelper(path string) bool { return strings.HasSuffix(path, "test") }

// libraryFault says why a package must not import a library; "" if it may.
func libraryFault(from, imported string) string {
	if slices.Contains(onlyTypes, imported) {
		return ""
	}
	for _, rule := range kept {
		if imported != rule.library && !strings.HasPrefix(imported, rule.library+"/") {
			continue
		}
		at := slices.IndexFunc(rule.homes, func(home string) bool { return within(from, home) })
		if at < 0 && rule.excused[from] == "" {
			return "only " + strings.Join(rule.homes, " and ") + " may"
		}
	}
	return ""
}

// within reports whether a package is the home, or below it if the home ends in "/".
func within(path, home string) bool {
	return path == home || strings.HasSuffix(home, "/") && strings.HasPrefix(path, home)
}

func top(path string) string { first, _, _ := strings.Cut(path, "/"); return first }

// second is the folder below the top: core's noun, channels' door.
func second(path string) string {
	_, rest, _ := strings.Cut(path, "/")
	return top(rest)
}

// listPackages asks go list for every package of the module. A package that does not
// build is listed as well: its imports are judged all the same.
func listPackages(t *testing.T) []listed {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", "./...")
	list.Dir = root
	out, err := list.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	require.NoError(t, err)
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else {
			require.NoError(t, err)
		}
		packages = append(packages, p)
	}
}

// root is the module's, from this folder.
const root = "../.."

func TestImportsGoDownOnly(t *testing.T) {
	packages := listPackages(t)
	require.True(t, slices.ContainsFunc(packages, func(p listed) bool { return p.ImportPath == "nova/core/money" }),
		"go list has found the house")
	for _, fault := range importFaults(packages) {
		t.Error(fault)
	}
}

func TestImportRule(t *testing.T) {
	const ok = ""
	cases := []struct{ name, from, imports, want string }{
		{"cmd knows everybody", "nova/cmd/nova", "nova/channels/ussd/africastalking", ok},
		{"cmd reads the settings", "nova/cmd/nova", "nova/configs", ok},
		{"a channel uses menus", "nova/channels/ussd", "nova/menus", ok},
		{"a channel uses core, two floors down", "nova/channels/rest", "nova/core/ledger", ok},
		{"menus keep sessions", "nova/menus", "nova/sessions", ok},
		{"core runs SQL", "nova/core/ledger", "nova/sql", ok},
		{"core up to channels", "nova/core/payments", "nova/channels/sms", "imports go down only"},
		{"core up to menus", "nova/core/outbox", "nova/menus", "imports go down only"},
		{"menus up to channels", "nova/menus", "nova/channels/ussd", "imports go down only"},
		{"sessions up to menus", "nova/sessions", "nova/menus/gsm7", "imports go down only"},
		{"sql up to core", "nova/sql", "nova/core/fault", "imports go down only"},
		{"anyone up to cmd", "nova/channels/web", "nova/cmd/nova", "imports go down only"},
		{"settings outside cmd", "nova/channels/web", "nova/configs", "configs is for cmd alone"},
		{"settings in core", "nova/core/tariffs", "nova/configs", "configs is for cmd alone"},
		{"settings use core's types", "nova/configs", "nova/core/money", ok},
		{"settings do not use sessions", "nova/configs", "nova/sessions", "imports go down only"},
		{"settings do not use channels", "nova/configs", "nova/channels/web", "imports go down only"},
		{"a folder that is none", "nova/utils", "fmt", "is on no floor of the house"},
		{"another module", "elsewhere/core/money", "fmt", "is on no floor of the house"},

		{"a line above", "nova/core/ledger", "nova/core/transactions", ok},
		{"a package below its noun", "nova/core/ledger/seal", "nova/core/ledger", ok},
		{"the ground line among itself", "nova/core/money", "nova/core/fault", ok},
		{"a line below", "nova/core/ledger", "nova/core/identity", "in core a package imports only lines above"},
		{"its own line", "nova/core/customers", "nova/core/agents", "in core a package imports only lines above"},
		{"the ground line upwards", "nova/core/fault", "nova/core/audit", "in core a package imports only lines above"},
		{"a noun that nobody has placed", "nova/core/helpers", "nova/core/fault", "core/helpers is not in core's table"},
		{"importing a noun that nobody has placed", "nova/core/reports", "nova/core/helpers", "in core a package imports only lines above"},

		{"rest uses web", "nova/channels/rest", "nova/channels/web", ok},
		{"rest on ussd", "nova/channels/rest", "nova/channels/ussd", "rest and ussd never import each other"},
		{"ussd on rest", "nova/channels/ussd/native", "nova/channels/rest", "rest and ussd never import each other"},
		{"a gateway uses ussd", "nova/channels/ussd/native", "nova/channels/ussd", ok},
		{"a gateway uses a part of itself", "nova/channels/ussd/smpp", "nova/channels/ussd/smpp/pdu", ok},
		{"a gateway on another", "nova/channels/ussd/native", "nova/channels/ussd/smpp", "only cmd knows the gateways"},
		{"ussd on a gateway", "nova/channels/ussd", "nova/channels/ussd/smpp", "only cmd knows the gateways"},
		{"a tests' helper uses another", "nova/channels/ussd/ussdtest", "nova/sessions/redistest", ok},
		{"code on a tests' helper", "nova/channels/ussd/native", "nova/channels/ussd/ussdtest", "a test's helper is for tests"},
		{"cmd on a tests' helper", "nova/cmd/nova", "nova/sql/sqltest", "a test's helper is for tests"},

		{"package sql has the driver", "nova/sql", "github.com/lib/pq", ok},
		{"a helper is excused", "nova/sql/sqltest", "database/sql", ok},
		{"core may name the driver's types", "nova/core/msisdn", "database/sql/driver", ok},
		{"core on database/sql", "nova/core/ledger", "database/sql", "only nova/sql may"},
		{"another helper is not excused", "nova/sql/daemon", "database/sql", "only nova/sql may"},
		{"sqlx outside sql", "nova/channels/web", "github.com/jmoiron/sqlx", "only nova/sql may"},
		{"part of sqlx outside sql", "nova/core/outbox", "github.com/jmoiron/sqlx/reflectx", "only nova/sql may"},
		{"pq outside sql", "nova/cmd/nova", "github.com/lib/pq", "only nova/sql may"},
		{"rates use redis", "nova/sessions/rates", "github.com/redis/go-redis/v9", ok},
		{"redis outside sessions", "nova/menus", "github.com/redis/go-redis/v9", "only nova/sessions and nova/sessions/ may"},
		{"a channel uses fiber", "nova/channels/ussd/native", "github.com/gofiber/fiber/v2", ok},
		{"fiber in menus", "nova/menus", "github.com/gofiber/fiber/v2/middleware/adaptor", "only nova/channels/ and nova/cmd/ may"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			faults := importFaults([]listed{{ImportPath: c.from, Imports: []string{"fmt", c.imports}}})
			got := strings.Join(faults, "; ")
			if (c.want == ok) != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("%s importing %s: %q, want %q", c.from, c.imports, got, cmp.Or(c.want, "no fault"))
			}
		})
	}
}
