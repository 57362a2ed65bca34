package conventions

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// Text reaches a person through package terminal only, which makes it printable: nobody else takes hold of the
// process's own output, and a command prints by the methods that say what keeps its line breaks.
func TestOnlyPackageTerminalPrints(t *testing.T) {
	found := 0
	for _, s := range goFiles(t) {
		if s.test || inLab(s.pkg) || s.pkg == "internal/failpoint" || s.pkg == "internal/cli/terminal" {
			continue
		}
		forbidden := list("os.Stdout os.Stderr fmt.Print fmt.Printf fmt.Println")
		if strings.HasPrefix(s.pkg, "internal/cli/") {
			forbidden = append(forbidden, list("fmt.Fprint fmt.Fprintf fmt.Fprintln io.WriteString")...)
		}
		ast.Inspect(s.syntax, func(node ast.Node) bool {
			name := selected(node)
			switch {
			case !slices.Contains(forbidden, name):
			case s.pkg == "cmd/submsg/command" && strings.HasPrefix(name, "os."): // it hands them to terminal.New
				found++
			default:
				t.Errorf("%s:%d: %s: print by a terminal.Terminal", s.path(), s.line(node.Pos()), name)
			}
			return true
		})
	}
	if found != 2 {
		t.Errorf("the process's output is taken hold of in %d places, want the two of cmd/submsg/command", found)
	}
}

// selected is a name with its package's, as "os.Stdout".
func selected(node ast.Node) string {
	if s, ok := node.(*ast.SelectorExpr); ok {
		if pkg, ok := s.X.(*ast.Ident); ok {
			return pkg.Name + "." + s.Sel.Name
		}
	}
	return ""
}
