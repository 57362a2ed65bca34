package templates

import (
	"fmt"
	"slices"
	"strings"
)

// text is a value of a template file, cut once into what is written and what is filled in.
// Values are joined, never read again: a {…} inside a value stays what it is.
type text []segment

type segment struct {
	literal string
	param   int // place of the parameter, or -1 for a literal
}

// compile reads a text with {param} in it; {{ and }} are braces.
func compile(s string, params []string) (text, error) {
	var t text
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			t = append(t, segment{literal.String(), -1})
			literal.Reset()
		}
	}
	for s != "" {
		at := strings.IndexAny(s, "{}")
		if at < 0 {
			at = len(s)
		}
		literal.WriteString(s[:at])
		s = s[at:]
		switch {
		case s == "":
		case strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "}}"):
			literal.WriteByte(s[0])
			s = s[2:]
		case s[0] == '}':
			return nil, fmt.Errorf("a } without its {; write }} for a brace")
		default:
			name, rest, closed := strings.Cut(s[1:], "}")
			if !closed {
				return nil, fmt.Errorf("the { in %s is never closed; write {{ for a brace", quote(s))
			}
			place := slices.Index(params, name)
			if place < 0 || name == nowhere {
				return nil, fmt.Errorf("{%s} is none of the params%s", shorten(name), suggest(name, params))
			}
			flush()
			t = append(t, segment{"", place})
			s = rest
		}
	}
	flush()
	return t, nil
}

// fill puts the parameters into their places.
func (t text) fill(params []string) string {
	switch {
	case len(t) == 1 && t[0].param < 0:
		return t[0].literal
	case len(t) == 1:
		return params[t[0].param]
	}
	size := 0
	for _, s := range t {
		size += len(s.literal)
		if s.param >= 0 {
			size += len(params[s.param])
		}
	}
	var b strings.Builder
	b.Grow(size)
	for _, s := range t {
		b.WriteString(s.literal)
		if s.param >= 0 {
			b.WriteString(params[s.param])
		}
	}
	return b.String()
}

// places returns the parameters that a text shows, in order, each once.
func (t text) places() []int {
	var places []int
	for _, s := range t {
		if s.param >= 0 && !slices.Contains(places, s.param) {
			places = append(places, s.param)
		}
	}
	return places
}
