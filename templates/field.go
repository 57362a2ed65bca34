package templates

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/submsg/submsg/internal/yamlfiles"
)

// data reads the keys of the channel, in the file's order.
func (d *draft) data(e yamlfiles.Entry, keys Keys) {
	failed := len(d.Errs)
	entries := d.Mapping(e.Key.Line, "data", e.Value)
	d.lost = d.lost || len(d.Errs) > failed
	if m, ok := e.Value.(ast.MapNode); ok && len(entries) == 0 && !m.MapRange().Next() {
		d.Fail(e.Key.Line, "data is empty: a template shows at least one key")
	}
	for _, e := range entries {
		kind, err := keys(e.Key.Value)
		if err != nil {
			d.Fail(e.Key.Line, "%v", err)
		}
		f := Field{Key: e.Key.Value, Type: kind}
		value, ok := d.value(&f, e)
		if !ok {
			d.lost = true
			continue
		}
		f.Value = value.Value
		text, compiled := d.compile(f.Key, value)
		if err != nil || !compiled {
			continue
		}
		f.text = text
		d.sendable(&f, e.Key.Line)
		d.template.Fields = append(d.template.Fields, f)
	}
}

// value reads a plain text, or an enum's {value: …, values: […]}.
func (d *draft) value(f *Field, e yamlfiles.Entry) (value yamlfiles.Scalar, ok bool) {
	m, long := e.Value.(ast.MapNode)
	if !long || !hasKey(m, "value") {
		return d.Text(e)
	}
	for _, part := range d.Mapping(e.Key.Line, e.Key.Value, e.Value) {
		switch part.Key.Value {
		case "value":
			value, ok = d.Text(part)
		case "values":
			d.values(f, part)
		default:
			d.Fail(part.Key.Line, "%s: unknown key %s%s", f.Key, quote(part.Key.Value),
				suggest(part.Key.Value, []string{"value", "values"}))
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

func (d *draft) values(f *Field, e yamlfiles.Entry) {
	lists := f.Type != nil && f.Type.Lists()
	if f.Type != nil && !lists {
		d.Fail(e.Key.Line, "%s: only an enum has values", f.Key)
	}
	for _, v := range d.List(e) {
		if slices.Contains(f.Values, v.Value) {
			d.Fail(v.Line, "%s: value %s stands twice", f.Key, quote(v.Value))
		}
		if lists {
			if _, reason := f.Type.Fit(v.Value, nil, false); reason != "" {
				d.Fail(v.Line, "%s: value %s can never be sent: %s", f.Key, quote(v.Value), reason)
			}
		}
		f.Values = append(f.Values, v.Value)
	}
	if list, ok := e.Value.(*ast.SequenceNode); ok && len(list.Values) == 0 {
		d.Fail(e.Key.Line, "%s: values is empty", f.Key)
	}
}

// sendable refuses a field whose written part alone is certain to be refused, whatever the values are.
func (d *draft) sendable(f *Field, line int) {
	if len(f.text.places()) == 0 {
		if _, reason := f.Type.Fit(f.text.fill(nil), f.Values, false); reason != "" {
			d.Fail(line, "%s %s can never be sent: %s", f.Key, quote(f.Value), reason)
		}
		return
	}
	var written strings.Builder
	for _, s := range f.text {
		written.WriteString(s.literal)
	}
	if reason := f.Type.Never(written.String()); reason != "" {
		d.Fail(line, "%s %s can never be sent: %s", f.Key, quote(f.Value), reason)
	}
}
