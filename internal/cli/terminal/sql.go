package terminal

import (
	"fmt"
	"regexp"
	"strings"
)

// SQL prints statements for a person to run. What can't be shown in them, and a line break in a value, is written in
// SQL's own way, so that they still say the same: E'\u202e' is a text, U&"\202e" a name.
func (o *Output) SQL(statements string) {
	o.Text(quotedSQL.ReplaceAllStringFunc(statements, spelledSQL))
}

// quotedSQL finds texts and names in quotes. It finds comments, too, because a quote in one begins nothing.
var quotedSQL = regexp.MustCompile(`(?s)--[^\n]*|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"`)

func spelledSQL(quoted string) string {
	const short, long = `\u%04x`, `\U%08x`
	switch first := quoted[0]; {
	case first == '-' || unbroken(Printable(quoted)) == quoted:
		return quoted
	case first == '"':
		return `U&"` + spelled(backslashes(quoted[1:]), `\%04x`, `\+%06x`)
	case first == '\'':
		return `E'` + spelled(backslashes(quoted[1:]), short, long)
	}
	return spelled(quoted, short, long) // E'…', in which backslashes are escapes already
}

func backslashes(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

func spelled(s, short, long string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case printable(r) && r != '\n':
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, long, r)
		default:
			fmt.Fprintf(&b, short, r)
		}
	}
	return b.String()
}
