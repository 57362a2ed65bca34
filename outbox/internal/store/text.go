package store

import "strings"

// mostTextRunes is how much of a text is stored in sendStatusMsg: a person reads no more.
const mostTextRunes = 1000

// Printable makes any text storable: Postgres takes neither NUL nor broken UTF-8.
func Printable(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if len(text) <= mostTextRunes {
		return text
	}
	if r := []rune(text); len(r) > mostTextRunes {
		return string(r[:mostTextRunes-1]) + "…"
	}
	return text
}
