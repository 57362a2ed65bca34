package terminal

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table aligns Chinese text, which text/tabwriter doesn't. Characters of ambiguous width count as one column, as
// terminals draw them today whatever the locale.
type Table struct {
	writer  table.Writer
	columns []table.ColumnConfig
}

// NewTable has no rows yet.
func NewTable(header ...any) *Table {
	text.OverrideRuneWidthEastAsianWidth(false)
	t := &Table{writer: table.NewWriter()}
	t.writer.SetStyle(table.StyleLight)
	t.writer.Style().Format.Header = text.FormatDefault // as written, not in capitals
	t.writer.AppendHeader(header)
	return t
}

// Row adds a row. A cell is one line, whatever its value holds; a list of texts is as many lines.
func (t *Table) Row(cells ...any) {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case int, int32, int64: // which stand at the right of their column
			row[i] = c
		case []string:
			row[i] = lines(c)
		default:
			row[i] = cell(fmt.Sprint(c))
		}
	}
	t.writer.AppendRow(row)
}

// Len is how many rows there are.
func (t *Table) Len() int { return t.writer.Length() }

// cell is what takes as much room as is counted for it.
func cell(value string) string { return strings.ReplaceAll(unbroken(Printable(value)), "\t", `\t`) }

func lines(values []string) string {
	spelled := make([]string, len(values))
	for i, v := range values {
		spelled[i] = cell(v)
	}
	return strings.Join(spelled, "\n")
}

// Wrap keeps a column, by its number from 1, within a width, and its lines apart.
func (t *Table) Wrap(column, width int) {
	t.columns = append(t.columns, table.ColumnConfig{Number: column, WidthMax: width,
		WidthMaxEnforcer: func(s string, width int) string {
			lines := strings.Split(s, "\n")
			for i, line := range lines {
				lines[i] = text.WrapSoft(line, width)
			}
			return strings.Join(lines, "\n")
		}})
}

// Right has columns stand at the right that are not all numbers.
func (t *Table) Right(columns ...int) {
	for _, column := range columns {
		t.columns = append(t.columns, table.ColumnConfig{Number: column, Align: text.AlignRight})
	}
}

// SeparateRows draws a line between rows of several lines.
func (t *Table) SeparateRows() { t.writer.Style().Options.SeparateRows = true }

// String is the table as it is printed.
func (t *Table) String() string {
	t.writer.SetColumnConfigs(t.columns)
	return t.writer.Render()
}
