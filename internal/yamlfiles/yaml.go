package yamlfiles

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Source is one file and the mistakes found in it so far.
type Source struct {
	File  string
	Thing string // what the file holds, as people call it: template
	Needs string // the keys that it can't do without, as they are told where the file is empty
	Brace string // what is told of a line that is no YAML and has a brace in it
	Hides bool   // it may hold a secret, perhaps at the wrong place: only what is a plain word is repeated
	Errs  []*Error
}

// Fail notes a mistake.
func (s *Source) Fail(line int, format string, args ...any) {
	s.Errs = append(s.Errs, &Error{s.File, line, fmt.Sprintf(format, args...)})
}

// plainWord is no secret: too short, and without digits.
var plainWord = regexp.MustCompile(`^[A-Za-z]{1,20}$`)

// shown is a word of the file in a sentence.
func (s *Source) shown(word string) string {
	if s.Hides && !plainWord.MatchString(word) {
		return "…"
	}
	return Shorten(word)
}

// Quote is a word of the file in a sentence, in quotes.
func (s *Source) Quote(word string) string { return strconv.Quote(s.shown(word)) }

// Scalar is a text and the line that it stands on.
type Scalar struct {
	Value string
	Line  int
}

// Entry is one key of a mapping.
type Entry struct {
	Key   Scalar
	Value ast.Node
}

// Entries reads a file's only document as a mapping. The syntax tree is walked by hand, and not decoded into a struct,
// because a decoder stops at the first mistake, and forgets lines and the order of keys.
func (s *Source) Entries(content []byte) []Entry {
	if !utf8.Valid(content) {
		s.Fail(1, "the file is not valid UTF-8: save it as UTF-8")
		return nil
	}
	text := strings.TrimPrefix(string(content), "\uFEFF")
	tokens := lexer.Tokenize(text)
	if line := tooDeep(tokens); line > 0 {
		s.Fail(line, "lists or mappings are nested too deep")
		return nil
	}
	// Keys that stand twice are refused by Mapping, which can name both lines.
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
		s.Fail(line, "a second document begins: one file is one %s", s.Thing)
		return nil
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		s.Fail(1, "the file is empty: it needs %s", s.Needs)
		return nil
	}
	return s.Mapping(1, "the file", tree.Docs[0].Body)
}

// repeated is what the YAML parser repeats of the file.
var repeated = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// syntax reports what the YAML parser found, and what people most often did.
func (s *Source) syntax(text string, err error) {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		s.Fail(1, "not YAML")
		return
	}
	line, hint := at.GetToken().Position.Line, ""
	if lines := strings.Split(text, "\n"); line <= len(lines) && strings.ContainsAny(lines[line-1], "{}") {
		hint = s.Brace
	}
	s.Fail(line, "not YAML: %s%s", repeated.ReplaceAllLiteralString(at.GetMessage(), "…"), hint)
}

// tooDeep returns the line on which nesting passes what anybody can need, or 0. The parser takes
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

// Mapping reads the keys of a mapping; a key that stands twice is an error.
func (s *Source) Mapping(line int, what string, n ast.Node) []Entry {
	m, ok := n.(ast.MapNode)
	if !ok {
		s.Fail(line, "%s must be a mapping of keys to values, but is %s", what, s.kind(n))
		return nil
	}
	var list []Entry
	first := map[string]int{}
	for it := m.MapRange(); it.Next(); {
		at := it.Key().GetToken()
		if it.Key().Type() != ast.StringType {
			s.Fail(at.Position.Line, "a key must be plain text, but %s is %s", s.Quote(at.Value), s.kind(it.Key()))
			continue
		}
		key := Scalar{at.Value, at.Position.Line}
		if before, twice := first[key.Value]; twice {
			s.Fail(key.Line, "%s stands twice, first in line %d", s.shown(key.Value), before)
			continue
		}
		first[key.Value] = key.Line
		list = append(list, Entry{key, it.Value()})
	}
	return list
}

// Text reads what must be text.
func (s *Source) Text(e Entry) (Scalar, bool) {
	switch v := e.Value.(type) {
	case *ast.StringNode:
		return Scalar{v.Value, e.Key.Line}, true
	case *ast.LiteralNode:
		return Scalar{v.Value.Value, e.Key.Line}, true
	case ast.MapNode:
		s.Fail(e.Key.Line, `%s must be text: a value with { in it stands in quotes, as in "{name}"`,
			Shorten(e.Key.Value))
	case *ast.NullNode:
		s.Fail(e.Key.Line, "%s has no value", Shorten(e.Key.Value))
	default:
		s.Fail(e.Key.Line, "%s must be text, but is %s: write it in quotes if it is meant so", Shorten(e.Key.Value),
			s.kind(v))
	}
	return Scalar{}, false
}

// Number reads what must be a number.
func (s *Source) Number(e Entry) (n float64, ok bool) {
	switch v := e.Value.(type) {
	case *ast.FloatNode:
		return v.Value, true
	case *ast.InfinityNode:
		return v.Value, true
	case *ast.NanNode:
		return math.NaN(), true
	case *ast.IntegerNode:
		switch whole := v.Value.(type) {
		case int64:
			return float64(whole), true
		case uint64:
			return float64(whole), true
		}
	}
	s.Fail(e.Key.Line, "%s must be a number, but is %s", Shorten(e.Key.Value), s.kind(e.Value))
	return 0, false
}

// Bool reads what must be true or false.
func (s *Source) Bool(e Entry) (value, ok bool) {
	if v, ok := e.Value.(*ast.BoolNode); ok {
		return v.Value, true
	}
	s.Fail(e.Key.Line, "%s must be true or false, but is %s", Shorten(e.Key.Value), s.kind(e.Value))
	return false, false
}

// List reads a list of texts.
func (s *Source) List(e Entry) []Scalar {
	seq, ok := e.Value.(*ast.SequenceNode)
	if !ok {
		s.Fail(e.Key.Line, "%s must be a list, as in [a, b], but is %s", Shorten(e.Key.Value), s.kind(e.Value))
		return nil
	}
	var texts []Scalar
	for i, n := range seq.Values {
		item := Entry{Scalar{fmt.Sprintf("%s, place %d,", e.Key.Value, i+1), lineOf(n, e.Key.Line)}, n}
		if t, ok := s.Text(item); ok {
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
func (s *Source) kind(n ast.Node) string {
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
	return "a YAML " + strings.ToLower(n.Type().YAMLName()) + ", which no " + s.Thing + " uses"
}
