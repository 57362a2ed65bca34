package yamlfiles

import (
	"strconv"
	"strings"
)

// Suggest returns "; did you mean …?" when one of the known words is close to the given one.
func Suggest(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if strings.EqualFold(word, k) {
			return "; did you mean " + k + "?"
		}
		if d := distance([]rune(Shorten(word)), []rune(k)); d < least && 2*d < len(k) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is the number of letters to insert, delete or replace to get from a to b (Levenshtein).
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// maxQuote keeps a sentence readable, and a long value out of the logs.
const maxQuote = 40

// Quote is a value in a sentence, in quotes.
func Quote(s string) string {
	return strconv.Quote(Shorten(s))
}

// Shorten cuts a long value.
func Shorten(s string) string {
	n := 0
	for i := range s {
		if n == maxQuote {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
