package templates

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// fit returns the value as it can be sent, or the reason why WeChat would refuse it.
func (f *Field) fit(value string, truncate bool) (fitting, reason string) {
	if value == "" {
		return "", "it is empty, and WeChat refuses an empty value"
	}
	length, han, reason := f.requirement.measure(value)
	if reason != "" {
		return "", reason
	}
	limit := f.requirement.maxLength(han)
	if limit > 0 && length > limit {
		short, ok := "", false
		if truncate && f.requirement.free {
			short, ok = cut(value, limit, f.requirement.ellipsis)
		}
		if !ok {
			return "", fmt.Sprintf("it is %d characters long: %s", length, f.requirement.says)
		}
		value = short
	}
	if f.requirement.form != nil && !f.requirement.form().MatchString(value) {
		return "", f.requirement.says
	}
	if len(f.Values) > 0 && !slices.Contains(f.Values, value) {
		return "", "it must be one of " + strings.Join(f.Values, ", ")
	}
	return value, ""
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
