package explain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"testing"
)

func TestKindsAreSaidInBothTongues(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(Kinds)) {
		wellSaid(t, kind, Kinds[kind].Why)
		wellSaid(t, kind, Kinds[kind].NextStep)
	}
	wellSaid(t, "what nobody wrote down", Unrecorded.Why)
	wellSaid(t, "what nobody wrote down", Unrecorded.NextStep)
}

// texts are the string constants of a file.
func texts(t *testing.T, file string) (list []string) {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(syntax, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, text)
		}
		return true
	})
	return list
}

// The kinds that package outbox writes, which may not import this one, are among those that are explained here.
func TestKindsOfOutboxAreExplained(t *testing.T) {
	kinds := texts(t, "../../outbox/kinds.go")
	if len(kinds) < 7 {
		t.Errorf("only %q", kinds)
	}
	for _, kind := range kinds {
		if _, ok := Kinds[Kind(kind)]; !ok {
			t.Errorf("outbox writes the kind %q, which is not explained", kind)
		}
	}
}
