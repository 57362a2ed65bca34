package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable spells out what a terminal would not show as it is stored: escapes and other control characters, marks that
// turn the direction of writing, what takes no room. Line breaks and tabs stay, and the joiners within emoji and words.
//
// What is spelled out is written as JSON writes it, \u001b, so that JSON stays JSON, and means the same, without being
// treated apart. A byte that is no UTF-8, which JSON doesn't hold, is \xNN.
func Printable(s string) string { return string(appendPrintable(nil, []byte(s))) }

func appendPrintable(to, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			to = fmt.Appendf(to, `\x%02x`, text[0])
		case printable(r):
			to = append(to, text[:size]...)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				to = fmt.Appendf(to, `\u%04x`, unit)
			}
		}
		text = text[size:]
	}
	return to
}

// printable tells a character that is seen, or that ordinary text needs, from those that only work on what is beside
// them.
func printable(r rune) bool {
	const zwnj, zwj = '\u200c', '\u200d'
	switch {
	case r == '\n', r == '\t', r == zwnj, r == zwj:
		return true
	case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r): // letters that are not drawn
		return false
	}
	return unicode.IsGraphic(r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r) // signs of Arabic numbers
}

// whole is how many of the bytes can be judged without those that come after them: all, unless the last character is
// unfinished.
func whole(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if begins := len(text) - n; utf8.RuneStart(text[begins]) {
			if utf8.FullRune(text[begins:]) {
				break
			}
			return begins
		}
	}
	return len(text)
}

// unbroken keeps a line break in a value from beginning a line.
var unbroken = strings.NewReplacer("\n", `\n`).Replace

// OneLine is a text of several lines, as errors are, on one.
func OneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
