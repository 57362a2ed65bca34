package weixin

import (
	"strings"
	"unicode"

	"github.com/submsg/submsg/internal/explain"
)

// maxDetails bounds, in characters, what others said and goes into a text.
const maxDetails = 200

// Text is what a verdict says to people: a cause and its next step in Chinese, and behind them, in parentheses, the
// details in others' words.
func Text(cause explain.Cause, details string) string {
	if details = Clean(details); details == "" {
		return cause.Why.ZH + "：" + cause.NextStep.ZH
	}
	return cause.Why.ZH + "：" + cause.NextStep.ZH + " (" + details + ")"
}

// Clean makes others' words fit for a row and a line of log: valid UTF-8 without control characters (Postgres takes no
// NUL), 200 characters at most.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return Shorten(strings.TrimSpace(s), maxDetails)
}

// Shorten cuts s to at most n characters, and marks the cut with an ellipsis.
func Shorten(s string, n int) string {
	count := 0
	for i := range s {
		if count++; count > n {
			return s[:i] + "…"
		}
	}
	return s
}
