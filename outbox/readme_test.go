package outbox_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The files that the README names exist, and it names each file of the package.
func TestReadmeNamesFiles(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for _, link := range regexp.MustCompile(`\[([^]]+)]\(([^)]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(link[2]); err != nil {
			t.Error(err)
		}
		if link[1] != filepath.Base(link[2]) {
			t.Errorf("the link to %s is called %s", link[2], link[1])
		}
		named[link[2]] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	// Parts of the named ones, which their readers find by themselves.
	parts := []string{"doc.go", "claims.go", "clock_linux.go", "clock_other.go", "databaseclock.go", "fifo.go",
		"failures.go", "refusal.go"}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") && !named[file] && !slices.Contains(parts, file) {
			t.Errorf("%s is not named", file)
		}
	}
}

// The constants that the README names are constants of the package.
func TestReadmeNamesConstants(t *testing.T) {
	t.Parallel()
	constants := map[string]bool{}
	for _, file := range []string{"limits.go", "retry.go"} {
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok {
				for _, name := range spec.Names {
					constants[name.Name] = true
				}
			}
			return true
		})
	}
	_, table, _ := strings.Cut(readme(t), "| What | Constant | Value |\n|---|---|---|\n")
	rows := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		rows++
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.Split(line, "|")[2], -1) {
			if !constants[name[1]] {
				t.Errorf("there is no constant %s", name[1])
			}
		}
	}
	if rows == 0 {
		t.Error("the table of limits is not there")
	}
}

// The arrows of the README's diagram are the moves that TestTransitions finds to be possible, in the database itself.
func TestReadmeShowsTransitions(t *testing.T) {
	t.Parallel()
	var want []string
	for _, tr := range transitions {
		from := strings.TrimSuffix(tr.from, " over")
		if from == tr.from { // what a person may do after the lease is said below the diagram
			for _, to := range tr.person {
				want = append(want, from+" --> "+to+": person")
			}
		}
		for _, to := range tr.submsg {
			if to != from {
				want = append(want, from+" --> "+to+": engine")
			}
		}
	}
	var shown []string
	arrow := regexp.MustCompile(`(?m)^ +(\w+ --> \w+: (?:person|engine))\b`)
	for _, match := range arrow.FindAllStringSubmatch(readme(t), -1) {
		shown = append(shown, match[1])
	}
	slices.Sort(want)
	slices.Sort(shown)
	if diff := cmp.Diff(slices.Compact(want), shown); diff != "" {
		t.Errorf("-possible +shown:\n%s", diff)
	}
}
