package conventions

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxGoLine  = 120 // columns
	maxSQLLine = 140
	tabWidth   = 4
)

// No line of Go is wider than a window. What doesn't count: SQL and other text in raw strings, and the rows of a table,
// which are read across.
func TestGoLines(t *testing.T) {
	for _, s := range goFiles(t) {
		for _, long := range longLines(s) {
			t.Error(long)
		}
	}
}

// longLines are those of a file that are too long, each with its place.
func longLines(s goFile) (found []string) {
	rows := tableRows(s)
	for i, line := range strings.Split(withoutRaw(s), "\n") {
		if n := columns(line); n > maxGoLine && !rows[i+1] {
			found = append(found, fmt.Sprintf("%s:%d: %d columns, more than %d", s.path(), i+1, n, maxGoLine))
		}
	}
	return found
}

func columns(line string) int {
	return utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t")
}

// withoutRaw is a file without what stands in its raw strings, but for the line breaks.
func withoutRaw(s goFile) string {
	var rest strings.Builder
	last := 0
	ast.Inspect(s.syntax, func(node ast.Node) bool {
		if text, ok := node.(*ast.BasicLit); ok && strings.HasPrefix(text.Value, "`") {
			rest.WriteString(s.text[last:s.set.Position(text.Pos()).Offset])
			rest.WriteString(strings.Repeat("\n", strings.Count(text.Value, "\n")))
			last = s.set.Position(text.End()).Offset
		}
		return true
	})
	return rest.String() + s.text[last:]
}

// tableRows are the lines that are rows of a table.
func tableRows(s goFile) map[int]bool {
	rows := map[int]bool{}
	ast.Inspect(s.syntax, func(node ast.Node) bool {
		if lit, ok := node.(*ast.CompositeLit); ok && isTable(lit) {
			addRows(s, lit, rows)
		}
		return true
	})
	return rows
}

// isTable tells whether a literal is a list or a map of structs, lists or texts.
func isTable(lit *ast.CompositeLit) bool {
	switch lit.Type.(type) {
	case *ast.ArrayType, *ast.MapType:
		return true
	}
	return false
}

// addRows adds the rows of a table, and the cells of a row that stand on lines of their own. A row is a line that
// begins with an element of the table; a function in it is code as everywhere.
func addRows(s goFile, table ast.Node, rows map[int]bool) {
	ast.Inspect(table, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CompositeLit:
			for _, cell := range n.Elts {
				if !isCode(cell) && begins(s, cell) && s.height(cell.Pos(), cell.End()) == 1 {
					rows[s.line(cell.Pos())] = true
				}
			}
		}
		return true
	})
}

// isCode tells a cell that does something from one that only is something.
func isCode(cell ast.Expr) bool {
	switch c := cell.(type) {
	case *ast.KeyValueExpr:
		return isCode(c.Value)
	case *ast.CallExpr, *ast.FuncLit:
		return true
	}
	return false
}

// begins tells whether a node is the first on its line.
func begins(s goFile, node ast.Node) bool {
	at := s.set.Position(node.Pos())
	line := s.text[at.Offset-at.Column+1 : at.Offset]
	return strings.Trim(line, "\t ") == ""
}

// The rules above find what they should: each line that is too long is marked by the word LONG.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", maxGoLine)
	text := strings.ReplaceAll(`package p

type c struct {
	Flag string `+"`help:\"TEXT\"`"+`
}

var rows = []struct{ a, b string }{
	{"TEXT", "b"},
	{
		"TEXT",
		f("TEXT"), // LONG
	},
}

var words = map[string]string{
	"a": "TEXT",
	"b": f("TEXT"), // LONG
}

const sql = `+"`\nSELECT TEXT`"+`

// TEXT LONG
func f(s string) string {
	g([]string{"TEXT", "b"}) // LONG
	h := c{
		Flag: "TEXT", // LONG
	}
	g(`+"`TEXT`"+`, "TEXT") // LONG
	g(`+"`TEXT`"+`)
	return "TEXT" // LONG
}
`, "TEXT", long)
	var want, got []string
	for i, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "LONG") {
			want = append(want, fmt.Sprintf("p/p.go:%d", i+1))
		}
	}
	for _, found := range longLines(parsed(t, token.NewFileSet(), "p/p.go", text)) {
		place, _, _ := strings.Cut(found, ": ")
		got = append(got, place)
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSQLLines(t *testing.T) {
	files(t, ".sql", func(name string) {
		for i, line := range strings.Split(repoFile(t, name), "\n") {
			if n := columns(line); n > maxSQLLine {
				t.Errorf("%s:%d: %d columns, more than %d", name, i+1, n, maxSQLLine)
			}
		}
	})
}
