package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/submsg/submsg/"

// repoRoot is the repository, seen from this folder.
const repoRoot = "../.."

// house is the list of packages. Code may import what stands there of this module; its tests, in addition, what stands
// in tests. `cmd` ties everything together; outbox and templates know nobody, and channels don't know each other.
var house = map[string]struct{ code, tests []string }{
	"migrations":              {tests: []string{"internal/lab/pgembed", "internal/lab/pgtest"}},
	"outbox":                  {code: []string{"internal/failpoint"}, tests: []string{"internal/lab/pgtest", "migrations"}},
	"templates":               {},
	"internal/channel/wechat": {code: []string{"internal/failpoint", "outbox", "templates"}, tests: []string{"internal/lab/fakewechat"}},
	"internal/lab/fakewechat": {code: []string{"templates"}},
	"internal/lab/bench":      {code: []string{"internal/lab/fakewechat", "internal/lab/pgembed", "internal/channel/wechat", "migrations", "outbox", "templates"}, tests: []string{"internal/lab/pgtest"}},
	"internal/doctor":         {tests: []string{"internal/lab/pgtest"}},
	"internal/metrics":        {code: []string{"outbox"}, tests: []string{"internal/lab/pgtest"}},
	"internal/tracing":        {code: []string{"outbox"}},
	"internal/explain":        {},
	"internal/failpoint":      {}, // marks that compile to nothing
	"internal/lab/faults":     {tests: []string{"internal/lab/fakewechat", "internal/lab/pgembed", "internal/lab/pgtest", "migrations", "templates"}},
	"internal/roles":          {code: []string{"migrations"}, tests: []string{"internal/lab/pgtest", "internal/rules", "outbox"}},
	"internal/ops":            {code: []string{"outbox"}, tests: []string{"internal/lab/pgtest", "migrations"}},
	"internal/rules":          {tests: []string{"internal/lab/pgtest", "migrations"}},
	"internal/lab/pgembed":    {},
	"internal/lab/pgtest":     {code: []string{"internal/lab/pgembed", "migrations"}},
	"cmd/submsg": {
		code:  []string{"internal/lab/bench", "internal/doctor", "internal/lab/fakewechat", "internal/metrics", "internal/ops", "internal/lab/pgembed", "internal/roles", "internal/rules", "internal/tracing", "internal/channel/wechat", "migrations", "outbox", "templates"},
		tests: []string{"internal/lab/pgtest"},
	},
}

const (
	maxFile     = 300 // lines
	maxFunction = 70
)

// topLevel is all that the root may hold, but for dotfiles and what .gitignore keeps out.
var topLevel = []string{"CHANGELOG.md", "Dockerfile", "LICENSE", "README.md", "README.zh-CN.md", "cmd", "docker-compose.yml",
	"go.mod", "go.sum", "internal", "migrations", "outbox", "templates"}

type goFile struct {
	pkg, file string // "internal/channel/wechat", "token.go"
	test      bool
	syntax    *ast.File
	lines     func(from, to token.Pos) int
}

// goFiles reads every Go file of the repository, for whatever system it is.
func goFiles(t *testing.T) (list []goFile) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(repoRoot, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != repoRoot && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		pkg, _ := filepath.Rel(repoRoot, filepath.Dir(name))
		list = append(list, goFile{filepath.ToSlash(pkg), d.Name(), strings.HasSuffix(name, "_test.go"), syntax,
			func(from, to token.Pos) int { return set.Position(to).Line - set.Position(from).Line + 1 }})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 50 {
		t.Fatalf("only %d Go files found below %s", len(list), repoRoot)
	}
	return list
}

func TestImports(t *testing.T) {
	for _, s := range goFiles(t) {
		rules, known := house[s.pkg]
		if !known {
			t.Fatalf("package %s is not in the list at the top of this file: say there what it may import", s.pkg)
		}
		allowed := rules.code
		if s.test {
			allowed = slices.Concat(rules.code, rules.tests, []string{s.pkg}) // its external tests import it
		}
		for _, spec := range s.syntax.Imports {
			imported, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), modulePath)
			if ours && !slices.Contains(allowed, imported) {
				t.Errorf("%s/%s imports %s; of this module it may import %q", s.pkg, s.file, imported, allowed)
			}
		}
	}
}

func TestPackages(t *testing.T) {
	described := map[string]bool{}
	for _, s := range goFiles(t) {
		described[s.pkg] = described[s.pkg] || !s.test && s.syntax.Doc != nil
		for _, drawer := range []string{"util", "utils", "common", "helper", "helpers", "manager"} {
			if path.Base(s.pkg) == drawer || strings.TrimSuffix(s.file, ".go") == drawer {
				t.Errorf("%s/%s: name it by what it does", s.pkg, s.file)
			}
		}
	}
	for pkg, ok := range described {
		if !ok {
			t.Errorf("package %s has no package comment", pkg)
		}
	}
	for pkg := range house {
		if _, exists := described[pkg]; !exists {
			t.Errorf("package %s is listed here, and there is none", pkg)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range goFiles(t) {
		if s.test {
			continue
		}
		if n := s.lines(s.syntax.FileStart, s.syntax.FileEnd) - 1; n > maxFile {
			t.Errorf("%s/%s has %d lines, more than %d: is there a second room in it?", s.pkg, s.file, n, maxFile)
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			name := "a function literal"
			switch f := node.(type) {
			case *ast.FuncDecl:
				name = f.Name.Name
			case *ast.FuncLit:
			default:
				return true
			}
			if n := s.lines(node.Pos(), node.End()); n > maxFunction {
				t.Errorf("%s/%s: %s has %d lines, more than %d", s.pkg, s.file, name, n, maxFunction)
			}
			return true
		})
	}
}

func TestTopLevel(t *testing.T) {
	allowed := append(slices.Clone(topLevel), ".*")
	for line := range strings.Lines(repoFile(t, ".gitignore")) {
		allowed = append(allowed, strings.Trim(line, "/\n"))
	}
	entries, err := os.ReadDir(repoRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fits := func(pattern string) bool { ok, _ := path.Match(pattern, e.Name()); return ok }
		if !slices.ContainsFunc(allowed, fits) {
			t.Errorf("%s has no place at the root", e.Name())
		}
	}
	for _, name := range topLevel {
		if _, err := os.Stat(filepath.Join(repoRoot, name)); err != nil {
			t.Error(err)
		}
	}
}

// repoFile returns a file of the repository.
func repoFile(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repoRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
