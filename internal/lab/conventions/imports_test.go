package conventions

import (
	"path"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/submsg/submsg/"

// imports is what a package may import of this module: its code what stands in code, its tests also what stands in
// tests, and itself.
type imports struct{ code, tests []string }

// packages is the house: every package, and what it may import. The direction is cmd, serve and cli, then ops, rules,
// roles, doctor, then the channels, then outbox, templates, explain. outbox and templates know nobody, and the channels
// don't know each other; what WeChat's keys may hold is known beside its channel, too.
var packages = map[string]imports{
	"cmd/submsg": {code: list("cmd/submsg/command")},
	"cmd/submsg/command": {code: list(`internal/cli/accounts internal/cli/bench internal/cli/database internal/cli/demo
		internal/cli/doctor internal/cli/fakewechat internal/cli/messages internal/cli/postgres internal/cli/rules internal/cli/settings
		internal/cli/templates internal/cli/terminal internal/cli/version internal/serve`)},

	"internal/serve": {code: list(`internal/account internal/cli/settings internal/cli/terminal internal/cli/version
		internal/explain internal/httpserver internal/metrics internal/rules internal/tracing migrations outbox templates`)},
	"internal/cli/bench": {code: list("internal/cli/terminal internal/lab/bench")},
	"internal/cli/database": {code: list(`internal/cli/settings internal/cli/terminal internal/explain internal/roles
		migrations`)},
	"internal/cli/demo": {code: list(`internal/account internal/channel/wechat/fields internal/cli/terminal
		internal/explain internal/httpserver internal/lab/fakewechat internal/lab/pgembed internal/ops
		migrations outbox templates`)},
	"internal/cli/accounts": {code: list(`internal/account internal/channel internal/channel/wechat/fields
		internal/cli/settings internal/cli/terminal internal/doctor outbox templates`), tests: list("internal/lab/fakewechat")},
	"internal/cli/doctor": {code: list(`internal/account internal/cli/accounts internal/cli/settings
		internal/cli/templates internal/cli/terminal internal/doctor internal/explain internal/rules migrations
		outbox templates`)},
	"internal/cli/fakewechat": {code: list(`internal/cli/settings internal/cli/terminal internal/httpserver
		internal/lab/fakewechat templates`)},
	"internal/cli/messages": {code: list(`internal/cli/settings internal/cli/terminal internal/explain internal/ops
		internal/tracing migrations outbox templates`)},
	"internal/cli/postgres": {code: list("internal/cli/terminal internal/lab/pgembed migrations")},
	"internal/cli/rules": {code: list(`internal/cli/settings internal/cli/terminal internal/explain internal/rules
		templates`)},
	"internal/cli/settings": {
		code: list(`internal/account internal/channel internal/channel/wechat/fields internal/cli/terminal
			internal/roles migrations templates`),
		tests: list("internal/lab/fakewechat outbox")},
	"internal/cli/templates": {code: list(`internal/account internal/channel internal/channel/wechat/fields
		internal/cli/accounts internal/cli/settings internal/cli/terminal templates`)},
	"internal/cli/terminal": {code: list("internal/explain")},
	"internal/cli/version":  {code: list("internal/cli/terminal migrations")},

	"internal/account": {code: list(`internal/channel internal/channel/wechat internal/channel/wechat/fields
		internal/channel/weixin internal/explain internal/yamlfiles outbox templates`), tests: list("internal/lab/fakewechat")},
	"internal/httpserver": {},
	"internal/doctor":     {tests: list("internal/lab/pgtest")},
	"internal/metrics":    {code: list("outbox"), tests: list("internal/lab/pgtest")},
	"internal/ops": {code: list("internal/explain outbox"),
		tests: list("internal/lab/pgtest migrations")},
	"internal/roles":   {code: list("migrations"), tests: list("internal/lab/pgtest internal/rules outbox")},
	"internal/rules":   {tests: list("internal/lab/pgtest migrations")},
	"internal/tracing": {code: list("outbox")},
	"internal/channel": {code: list("outbox templates")},
	"internal/channel/wechat": {
		code: list(`internal/channel internal/channel/wechat/fields internal/channel/weixin internal/channel/wire
			internal/explain internal/failpoint outbox templates`),
		tests: list("internal/lab/fakewechat internal/lab/rawserver")},
	"internal/channel/wechat/fields": {code: list("internal/yamlfiles templates")}, // what WeChat's keys may hold
	"internal/channel/weixin": {
		code:  list("internal/channel internal/channel/wire internal/explain internal/failpoint outbox"),
		tests: list("internal/lab/fakewechat internal/lab/rawserver")},
	"internal/channel/wire": {code: list("internal/failpoint"), tests: list("internal/lab/rawserver")},
	"internal/explain":      {tests: list("internal/lab/pgtest migrations")},
	"internal/failpoint":    {}, // marks that compile to nothing
	"internal/yamlfiles":    {},
	"migrations":            {tests: list("internal/lab/pgembed internal/lab/pgtest")},
	"outbox": {code: list("internal/failpoint outbox/internal/store outbox/internal/wake"),
		tests: list("internal/explain internal/lab/pgtest migrations")},
	"outbox/internal/store": {tests: list("internal/lab/pgtest")},
	"outbox/internal/wake":  {},
	"templates":             {code: list("internal/yamlfiles"), tests: list("internal/channel/wechat/fields")},

	"internal/lab/attacks": {tests: list(`cmd/submsg/command internal/channel/wechat
		internal/channel/wechat/fields internal/cli/settings internal/cli/terminal internal/doctor
		internal/explain internal/lab/fakewechat internal/lab/pgembed internal/lab/pgtest internal/ops
		internal/roles internal/rules internal/serve migrations outbox templates`)},
	"internal/lab/bench": {code: list(`internal/account internal/channel/wechat/fields internal/lab/fakewechat
		internal/lab/pgembed migrations outbox templates`), tests: list("internal/lab/pgtest")},
	"internal/lab/e2e": {tests: list(`cmd/submsg/command internal/channel/wechat internal/channel/wechat/fields
		internal/cli/bench internal/cli/doctor internal/cli/settings internal/cli/terminal internal/cli/version
		internal/doctor internal/explain internal/lab/bench internal/lab/fakewechat internal/lab/pgembed
		internal/lab/pgtest internal/metrics internal/roles internal/rules migrations outbox templates`)},
	"internal/lab/fakewechat": {code: list("internal/channel/wechat/fields templates")},
	"internal/lab/faults": {tests: list(`internal/channel/wechat/fields internal/explain internal/failpoint
		internal/lab/fakewechat internal/lab/pgembed internal/lab/pgtest migrations templates`)},
	"internal/lab/conventions": {},
	"internal/lab/pgembed":     {},
	"internal/lab/rawserver":   {},
	"internal/lab/pgtest":      {code: list("internal/explain internal/lab/pgembed migrations")},
}

// labCommands are the packages outside of internal/lab whose code may import it: those commands start what it has.
var labCommands = list("internal/cli/bench internal/cli/demo internal/cli/fakewechat internal/cli/postgres")

func list(text string) []string { return strings.Fields(text) }

func TestImports(t *testing.T) {
	for _, s := range goFiles(t) {
		may, known := packages[s.pkg]
		if !known {
			t.Fatalf("package %s is not in the list at the top of this file: say there what it may import", s.pkg)
		}
		allowed := may.code
		if s.test {
			allowed = slices.Concat(may.code, may.tests, []string{s.pkg}) // its external tests import it
		}
		for _, spec := range s.syntax.Imports {
			imported, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), modulePath)
			if !ours {
				continue
			}
			if !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s; of this module it may import %q", s.path(), imported, allowed)
			}
			if inLab(imported) && !inLab(s.pkg) && !s.test && !slices.Contains(labCommands, s.pkg) {
				t.Errorf("%s imports %s, which is there for tests and demonstrations", s.path(), imported)
			}
		}
	}
}

func inLab(pkg string) bool { return strings.HasPrefix(pkg, "internal/lab/") }

// TestPackages: each package is listed above, says what it is for, and has a name that says what it does.
func TestPackages(t *testing.T) {
	described := map[string]bool{}
	for _, s := range goFiles(t) {
		described[s.pkg] = described[s.pkg] || !s.test && s.syntax.Doc != nil
		for _, vague := range list("util utils common helper helpers manager") {
			if path.Base(s.pkg) == vague || strings.TrimSuffix(s.file, ".go") == vague {
				t.Errorf("%s: name it by what it does", s.path())
			}
		}
	}
	for pkg, ok := range described {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
	for pkg := range packages {
		if _, exists := described[pkg]; !exists {
			t.Errorf("package %s is listed here, and there is none", pkg)
		}
	}
}
