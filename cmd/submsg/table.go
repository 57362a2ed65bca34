package main

import (
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable aligns Chinese text, which text/tabwriter doesn't. Characters of ambiguous width count as one
// column, as terminals draw them today whatever the locale.
func newTable(header ...any) table.Writer {
	text.OverrideRuneWidthEastAsianWidth(false)
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault // as written, not in capitals
	t.AppendHeader(header)
	return t
}
