package templates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// data reads the keys that WeChat knows, in the file's order.
func (d *draft) data(e entry) {
	failed := len(d.errs)
	entries := d.mapping(e.key.line, "data", e.value)
	d.lost = d.lost || len(d.errs) > failed
	if m, ok := e.value.(ast.MapNode); ok && len(entries) == 0 && !m.MapRange().Next() {
		d.fail(e.key.line, "data is empty: a template shows at least one key")
	}
	for _, e := range entries {
		f := Field{Key: e.key.value}
		kind, err := typeOf(e.key.value)
		if err != nil {
			d.fail(e.key.line, "%v", err)
		}
		value, ok := d.value(&f, e)
		if !ok {
			d.lost = true
			continue
		}
		f.Value = value.value
		text, compiled := d.compile(f.Key, value)
		if err != nil || !compiled {
			continue
		}
		f.Type, f.requirement, f.text = kind, requirements[kind], text
		d.sendable(&f, e.key.line)
		d.template.Fields = append(d.template.Fields, f)
	}
}

// value reads a plain text, or an enum's {value: …, values: […]}.
func (d *draft) value(f *Field, e entry) (value scalar, ok bool) {
	m, long := e.value.(ast.MapNode)
	if !long || !hasKey(m, "value") {
		return d.text(e)
	}
	for _, part := range d.mapping(e.key.line, e.key.value, e.value) {
		switch part.key.value {
		case "value":
			value, ok = d.text(part)
		case "values":
			d.values(f, part)
		default:
			d.fail(part.key.line, "%s: unknown key %s%s", f.Key, quote(part.key.value),
				suggest(part.key.value, []string{"value", "values"}))
		}
	}
	return value, ok
}

func hasKey(m ast.MapNode, key string) bool {
	for it := m.MapRange(); it.Next(); {
		if it.Key().GetToken().Value == key {
			return true
		}
	}
	return false
}

func (d *draft) values(f *Field, e entry) {
	if kind, err := typeOf(f.Key); err == nil && kind != Enum {
		d.fail(e.key.line, "%s: only an enum has values", f.Key)
	}
	for _, v := range d.list(e) {
		if slices.Contains(f.Values, v.value) {
			d.fail(v.line, "%s: value %s stands twice", f.Key, quote(v.value))
		}
		if _, reason := (&Field{requirement: requirements[Enum]}).fit(v.value, false); reason != "" {
			d.fail(v.line, "%s: value %s can never be sent: %s", f.Key, quote(v.value), reason)
		}
		f.Values = append(f.Values, v.value)
	}
	if list, ok := e.value.(*ast.SequenceNode); ok && len(list.Values) == 0 {
		d.fail(e.key.line, "%s: values is empty", f.Key)
	}
}

// sendable refuses a field whose written part alone is certain to be refused, whatever the values are.
func (d *draft) sendable(f *Field, line int) {
	if len(f.text.places()) == 0 {
		if _, reason := f.fit(f.text.fill(nil), false); reason != "" {
			d.fail(line, "%s %s can never be sent: %s", f.Key, quote(f.Value), reason)
		}
		return
	}
	var written strings.Builder
	for _, s := range f.text {
		written.WriteString(s.literal)
	}
	length, han, reason := f.requirement.measure(written.String())
	if limit := f.requirement.maxLength(han); reason == "" && limit > 0 && length > limit {
		reason = f.requirement.says
	}
	if reason != "" {
		d.fail(line, "%s %s can never be sent: %s", f.Key, quote(f.Value), reason)
	}
}

// typeOf reads the type from a key: amount3 is an amount.
func typeOf(key string) (Type, error) {
	prefix := strings.TrimRight(key, "0123456789")
	number := key[len(prefix):]
	kind := Type(prefix)
	if prefix == "enum_string" { // the spelling that WeChat gives out; its page says enum
		kind = Enum
	}
	switch {
	case strings.HasSuffix(key, ".DATA"):
		return "", fmt.Errorf("key %s: write it without .DATA", quote(key))
	case requirements[kind] == nil:
		known := slices.Sorted(maps.Keys(requirements))
		return "", fmt.Errorf("key %s: WeChat has no type %s%s", quote(key), quote(prefix), suggestType(prefix, known))
	case number == "":
		return "", fmt.Errorf("key %s: its number is missing, as in %s1", quote(key), prefix)
	case number[0] == '0':
		return "", fmt.Errorf("key %s: WeChat's numbers have no leading 0", quote(key))
	case len(number) > 9:
		return "", errors.New("key " + quote(key) + ": its number is too long")
	}
	return kind, nil
}

func suggestType(prefix string, known []Type) string {
	var words []string
	for _, k := range known {
		words = append(words, string(k))
	}
	return suggest(prefix, words)
}
