package terminal

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// NewTable aligns Chinese text, which text/tabwriter doesn't. Characters of ambiguous width count as one
// column, as terminals draw them today whatever the locale.
func NewTable(header ...any) table.Writer {
	text.OverrideRuneWidthEastAsianWidth(false)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault // as written, not in capitals
	t.AppendHeader(header)
	return t
}

// Wrapped keeps a column within a width, and its lines apart.
func Wrapped(column, width int) table.ColumnConfig {
	return table.ColumnConfig{Number: column, WidthMax: width, WidthMaxEnforcer: func(s string, width int) string {
		lines := strings.Split(s, "\n")
		for i, line := range lines {
			lines[i] = text.WrapSoft(line, width)
		}
		return strings.Join(lines, "\n")
	}}
}
