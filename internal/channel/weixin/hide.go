package weixin

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// leastRun is how many bytes of a hidden text must stand together in others' words to be recognized: two Chinese
// characters are more, and four letters of WeChat's English are seldom the same by chance.
const leastRun = 4

// hide returns others' words, as much of them as fits behind a text, without what they repeat of hidden texts: each
// run of these as it is, as it stands in a URL, and as it stands in JSON. A run is enough, because WeChat cuts its own
// words anywhere. A shorter hidden text is recognized where it stands as a word of its own; a single byte can't be told
// from other words.
func hide(words string, hidden ...string) string {
	words = Shorten(words, maxDetails)
	covered := make([]bool, len(words))
	for _, text := range hidden {
		cover(covered, words, text)
	}
	if strings.ContainsAny(words, `%\`) {
		lower := lowerASCII(words) // because the digits of an escape may be capitals
		for _, text := range hidden {
			quoted, ascii := strconv.Quote(text), strconv.QuoteToASCII(text)
			for _, form := range []string{url.QueryEscape(text), url.PathEscape(text), quoted[1 : len(quoted)-1],
				ascii[1 : len(ascii)-1]} {
				cover(covered, lower, lowerASCII(form))
			}
		}
	}
	if !slices.Contains(covered, true) {
		return words
	}
	return maskCovered(words, covered)
}

// lowerASCII is strings.ToLower that keeps the number of bytes.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

// cover marks the bytes of words that stand in a hidden text, too.
func cover(covered []bool, words, text string) {
	switch {
	case len(text) < 2:
	case len(text) < leastRun:
		coverWord(covered, words, text)
	default:
		for i := 0; i+leastRun <= len(words); i++ {
			if strings.Contains(text, words[i:i+leastRun]) {
				mark(covered[i : i+leastRun])
			}
		}
	}
}

// coverWord marks where a text stands with no letter or digit beside it.
func coverWord(covered []bool, words, text string) {
	joins := func(r rune) bool { return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	for end := 0; ; {
		at := strings.Index(words[end:], text)
		if at < 0 {
			return
		}
		begin := end + at
		end = begin + len(text)
		before, _ := utf8.DecodeLastRuneInString(words[:begin])
		after, _ := utf8.DecodeRuneInString(words[end:])
		if !joins(before) && !joins(after) {
			mark(covered[begin:end])
		}
	}
}

func mark(covered []bool) {
	for i := range covered {
		covered[i] = true
	}
}

// maskCovered writes a mask in the place of each run that is covered, and of the characters that it cuts.
func maskCovered(words string, covered []bool) string {
	var b strings.Builder
	masking := false
	for i, r := range words {
		_, size := utf8.DecodeRuneInString(words[i:])
		hidden := slices.Contains(covered[i:i+size], true)
		switch {
		case !hidden:
			b.WriteRune(r)
		case !masking:
			b.WriteString(masked)
		}
		masking = hidden
	}
	return b.String()
}
