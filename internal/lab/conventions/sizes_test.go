package conventions

import (
	"go/ast"
	"strings"
	"testing"
)

const (
	maxFile     = 300 // lines
	maxFunction = 70
	maxMethods  = 20 // of a struct

	maxNumbered = 8 // up files of migrations
	maxUp       = 150
)

func TestSizes(t *testing.T) {
	for _, s := range goFiles(t) {
		if s.test {
			continue
		}
		if n := s.height(s.syntax.FileStart, s.syntax.FileEnd) - 1; n > maxFile {
			t.Errorf("%s has %d lines, more than %d: split it by topic", s.path(), n, maxFile)
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
			if n := s.height(node.Pos(), node.End()); n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", s.path(), name, n, maxFunction)
			}
			return true
		})
	}
}

func TestMethods(t *testing.T) {
	methods := map[string]int{}
	for _, s := range goFiles(t) {
		if s.test {
			continue
		}
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				methods[s.pkg+"."+receiver(f)]++
			}
		}
	}
	for name, n := range methods {
		if n > maxMethods {
			t.Errorf("%s has %d methods, more than %d: it is several things", name, n, maxMethods)
		}
	}
}

// receiver is the name of the type that a method belongs to.
func receiver(f *ast.FuncDecl) string {
	kind := f.Recv.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	switch generic := kind.(type) {
	case *ast.IndexExpr:
		kind = generic.X
	case *ast.IndexListExpr:
		kind = generic.X
	}
	return kind.(*ast.Ident).Name
}

func TestMigrationFiles(t *testing.T) {
	numbered := 0
	files(t, ".sql", func(name string) {
		lines := strings.Count(repoFile(t, name), "\n")
		if lines > maxFile {
			t.Errorf("%s has %d lines, more than %d", name, lines, maxFile)
		}
		if strings.HasPrefix(name, "migrations/0") && strings.HasSuffix(name, ".up.sql") {
			numbered++
			if lines > maxUp {
				t.Errorf("%s has %d lines, more than %d", name, lines, maxUp)
			}
		}
	})
	if numbered == 0 || numbered > maxNumbered {
		t.Errorf("%d numbered files, want 1 to %d", numbered, maxNumbered)
	}
}
