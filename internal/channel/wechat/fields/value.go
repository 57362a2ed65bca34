package fields

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Fit returns the value as it can be sent, or the reason why WeChat would refuse it.
func (t Type) Fit(value string, listed []string, truncate bool) (fitting, reason string) {
	if value == "" {
		return "", "it is empty, and WeChat refuses an empty value"
	}
	r := requirements[t]
	length, han, reason := r.measure(value)
	if reason != "" {
		return "", reason
	}
	limit := r.maxLength(han)
	if limit > 0 && length > limit {
		short, ok := "", false
		if truncate && r.free {
			short, ok = cut(value, limit, r.ellipsis)
		}
		if !ok {
			return "", fmt.Sprintf("it is %d characters long: %s", length, r.says)
		}
		value = short
	}
	if r.form != nil && !r.form().MatchString(value) {
		return "", r.says
	}
	if len(listed) > 0 && !slices.Contains(listed, value) {
		return "", "it must be one of " + strings.Join(listed, ", ")
	}
	return value, ""
}

// Never returns the reason why WeChat would refuse every value that holds this text, "" when it may take one.
func (t Type) Never(text string) (reason string) {
	r := requirements[t]
	length, han, reason := r.measure(text)
	if limit := r.maxLength(han); reason == "" && limit > 0 && length > limit {
		reason = r.says
	}
	return reason
}

// maxLength is how many characters a value may have; 0 means that its form says it.
func (r *requirement) maxLength(han bool) int {
	if han && r.hanMax > 0 {
		return r.hanMax
	}
	return r.max
}

// measure looks at each character: how many there are, whether one is Chinese, and the first that can't be sent.
// WeChat does not say how it counts an emoji, so UTF-16 units are counted: never fewer than characters.
func (r *requirement) measure(value string) (length int, han bool, reason string) {
	for i, c := range value {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(value[i:], "\uFFFD"):
			return 0, false, "it is not valid UTF-8"
		case unicode.IsControl(c):
			return 0, false, fmt.Sprintf("it holds the control character %U: no line breaks, tabs or the like", c)
		case r.allows != nil && !r.allows(c):
			return 0, false, r.says
		}
		length += units(c)
		han = han || isHan(c)
	}
	return length, han, ""
}

// units returns the number of UTF-16 units of a character.
func units(c rune) int {
	if c > 0xFFFF {
		return 2
	}
	return 1
}

// cut shortens a text to limit characters, its ellipsis included, never inside what a reader sees as one character.
// It is not ok when nothing would remain.
func cut(value string, limit int, ellipsis string) (short string, ok bool) {
	left := limit - utf8.RuneCountInString(ellipsis)
	end, state := 0, -1
	for rest := value; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		for _, c := range cluster {
			left -= units(c)
		}
		if left < 0 {
			break
		}
		end += len(cluster)
	}
	return value[:end] + ellipsis, end > 0
}
