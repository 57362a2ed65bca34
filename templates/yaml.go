package templates

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// source is one file and the mistakes found in it so far.
type source struct {
	file string
	errs []*Error
}

func (s *source) fail(line int, format string, args ...any) {
	s.errs = append(s.errs, &Error{s.file, line, fmt.Sprintf(format, args...)})
}

// scalar is a text and the line that it stands on.
type scalar struct {
	value string
	line  int
}

// entry is one key of a mapping.
type entry struct {
	key   scalar
	value ast.Node
}

// entries reads a file's only document as a mapping. The syntax tree is walked by hand, and not decoded into a struct,
// because a decoder stops at the first mistake, and forgets lines and the order of keys.
func (s *source) entries(content []byte) []entry {
	if !utf8.Valid(content) {
		s.fail(1, "the file is not valid UTF-8: save it as UTF-8")
		return nil
	}
	text := strings.TrimPrefix(string(content), "\uFEFF")
	tokens := lexer.Tokenize(text)
	if line := tooDeep(tokens); line > 0 {
		s.fail(line, "lists or mappings are nested too deep for a template")
		return nil
	}
	// Keys that stand twice are refused by mapping, which can name both lines.
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		s.syntax(text, err)
		return nil
	}
	if len(tree.Docs) > 1 {
		second := tree.Docs[1]
		line := lineOf(second.Body, 1)
		if second.Start != nil { // nil when only a ... ended the first one
			line = second.Start.Position.Line
		}
		s.fail(line, "a second document begins: one file is one template")
		return nil
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		s.fail(1, "the file is empty: a template needs id, name, params and data")
		return nil
	}
	return s.mapping(1, "a template", tree.Docs[0].Body)
}

// repeated is what the YAML parser repeats of the file.
var repeated = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// syntax reports what the YAML parser found, and what people most often did.
func (s *source) syntax(text string, err error) {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		s.fail(1, "not YAML")
		return
	}
	line, hint := at.GetToken().Position.Line, ""
	if lines := strings.Split(text, "\n"); line <= len(lines) && strings.ContainsAny(lines[line-1], "{}") {
		hint = `; a value with { or } stands in quotes: thing1: "{name}"`
	}
	s.fail(line, "not YAML: %s%s", repeated.ReplaceAllLiteralString(at.GetMessage(), "…"), hint)
}

// tooDeep returns the line on which nesting passes what a template can need, or 0. The parser takes
// gigabytes for 64 KiB of opening brackets.
func tooDeep(tokens token.Tokens) int {
	const most = 8
	depth, dashes, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		if depth > most || dashes > most {
			return line
		}
	}
	return 0
}

// mapping reads the keys of a mapping; a key that stands twice is an error.
func (s *source) mapping(line int, what string, n ast.Node) []entry {
	m, ok := n.(ast.MapNode)
	if !ok {
		s.fail(line, "%s must be a mapping of keys to values, but is %s", what, kind(n))
		return nil
	}
	var list []entry
	first := map[string]int{}
	for it := m.MapRange(); it.Next(); {
		at := it.Key().GetToken()
		if it.Key().Type() != ast.StringType {
			s.fail(at.Position.Line, "a key must be plain text, but %s is %s", quote(at.Value), kind(it.Key()))
			continue
		}
		key := scalar{at.Value, at.Position.Line}
		if before, twice := first[key.value]; twice {
			s.fail(key.line, "%s stands twice, first in line %d", shorten(key.value), before)
			continue
		}
		first[key.value] = key.line
		list = append(list, entry{key, it.Value()})
	}
	return list
}

// text reads a scalar that must be text.
func (s *source) text(e entry) (scalar, bool) {
	switch v := e.value.(type) {
	case *ast.StringNode:
		return scalar{v.Value, e.key.line}, true
	case *ast.LiteralNode:
		return scalar{v.Value.Value, e.key.line}, true
	case ast.MapNode:
		s.fail(e.key.line, `%s must be text: a value with { in it stands in quotes, as in "{name}"`,
			shorten(e.key.value))
	case *ast.NullNode:
		s.fail(e.key.line, "%s has no value", shorten(e.key.value))
	default:
		s.fail(e.key.line, "%s must be text, but is %s: write it in quotes if it is meant so", shorten(e.key.value),
			kind(v))
	}
	return scalar{}, false
}

// list reads a list of texts.
func (s *source) list(e entry) []scalar {
	seq, ok := e.value.(*ast.SequenceNode)
	if !ok {
		s.fail(e.key.line, "%s must be a list, as in [a, b], but is %s", shorten(e.key.value), kind(e.value))
		return nil
	}
	var texts []scalar
	for i, n := range seq.Values {
		item := entry{scalar{fmt.Sprintf("%s, place %d,", e.key.value, i+1), lineOf(n, e.key.line)}, n}
		if t, ok := s.text(item); ok {
			texts = append(texts, t)
		}
	}
	return texts
}

func lineOf(n ast.Node, otherwise int) int {
	if n == nil || n.GetToken() == nil {
		return otherwise
	}
	return n.GetToken().Position.Line
}

// kind names a node as people would.
func kind(n ast.Node) string {
	if n == nil {
		return "nothing"
	}
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.SequenceType:
		return "a list"
	case ast.StringType, ast.LiteralType:
		return "text"
	case ast.NullType:
		return "nothing"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.BoolType:
		return "true or false"
	}
	return "a YAML " + strings.ToLower(n.Type().YAMLName()) + ", which templates don't use"
}
