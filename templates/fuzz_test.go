package templates

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// FuzzLoad: no content of a file makes Load panic or report without a place; whatever loads can be rendered.
func FuzzLoad(f *testing.F) {
	f.Add(good, "a", "1")
	for _, m := range mistakes {
		if len(m.new) < 200 {
			f.Add(strings.Replace(good, m.old, m.new, 1), "a", "1")
		}
	}
	f.Add("id: abc\nname: order\r\r\r\r\nparam", "", "")
	f.Add("0:\n0: \n0: \n...0:", "", "")
	f.Add("id: a\nname: b\nparams: [_, x]\nonTooLong: truncate\n"+
		"data: {enum_string1: {value: \"{{{x}\", values: [\"{a\"]}}\n", "", "{x}")
	f.Fuzz(func(t *testing.T, content, odd, even string) {
		lines := strings.Count(content, "\n") + strings.Count(content, "\r") + 1 // to YAML a lone \r ends a line
		c, err := load(folder(map[string]string{"t.yaml": content}))
		if err != nil {
			var at *Error
			if !errors.As(err, &at) || at.File != "t.yaml" || at.Reason == "" || at.Line < 0 || at.Line > lines {
				t.Fatalf("an error without its place: %#v", err)
			}
			return
		}
		for _, template := range c.All() {
			params := make([]string, len(template.Params))
			for i := range params {
				params[i] = [2]string{even, odd}[i%2]
			}
			p, err := template.Render(params, "")
			checkRendered(t, template, p, err)
		}
	})
}

// FuzzRender: values never panic, are never expanded, and a payload holds nothing that WeChat certainly refuses.
func FuzzRender(f *testing.F) {
	for _, v := range []string{"", "{b}", "{{a}}", "}", "10万", "2024-07-24 08:00~12:00", "a\nb", "\xff", "👨‍👩‍👧",
		strings.Repeat("é", 40)} {
		f.Add(v, "x", "")
		f.Add("x", v, v)
	}
	var fields strings.Builder
	for _, kind := range strings.Fields("thing number letter symbol character_string time date amount phone_number " +
		"car_number name phrase enum") {
		fields.WriteString("  " + kind + "1: \"{a}\"\n")
	}
	head := "id: i\nname: n\nparams: [a, b]\npage: \"p?a={a}&b={b}\"\n"
	var all []*Template
	for _, policy := range []string{"reject", "truncate"} {
		for field := range strings.Lines(fields.String()) {
			all = append(all, parse(f, head+"onTooLong: "+policy+"\ndata:\n"+field))
		}
	}
	joined := parse(f, head+"data:\n  thing1: \"{a}-{b}\"\n")
	f.Fuzz(func(t *testing.T, a, b, page string) {
		for _, template := range all {
			p, err := template.Render([]string{a, b}, page)
			checkRendered(t, template, p, err)
			if err == nil && p.Data[0].Value != a && !strings.HasPrefix(a, strings.TrimSuffix(p.Data[0].Value, "…")) {
				t.Fatalf("%s made %q of %q", p.Data[0].Key, p.Data[0].Value, a)
			}
		}
		if p, err := joined.Render([]string{a, b}, page); err == nil && p.Data[0].Value != a+"-"+b {
			t.Fatalf("%q and %q made %q", a, b, p.Data[0].Value)
		}
	})
}

func checkRendered(t *testing.T, template *Template, p Payload, err error) {
	t.Helper()
	if err != nil {
		var typed *RenderError
		if !errors.As(err, &typed) || typed.Reason == "" || !utf8.ValidString(typed.Reason) ||
			strings.ContainsAny(typed.Reason, "\n\x00") {
			t.Fatalf("not a sentence: %#v", err)
		}
		return
	}
	if len(p.Data) != len(template.Fields) || strings.ContainsAny(p.Page, "\n\x00") || len(p.Page) > maxPage {
		t.Fatalf("payload %#v", p)
	}
	for i, item := range p.Data {
		if item.Key != template.Fields[i].Key || item.Value == "" || !utf8.ValidString(item.Value) ||
			strings.ContainsAny(item.Value, "\n\r\t\x00") {
			t.Fatalf("key %q has %q", item.Key, item.Value)
		}
	}
}

// What is written with doubled braces comes out as it was, whatever it is.
func TestLiteralProperty(t *testing.T) {
	double := strings.NewReplacer("{", "{{", "}", "}}")
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.StringMatching(`[a{} ]{0,6}`).Draw(t, "before")
		after := rapid.StringMatching(`[a{} ]{0,6}`).Draw(t, "after")
		value := rapid.StringMatching(`[v{} ]{0,6}`).Draw(t, "value")
		compiled, err := compile(double.Replace(before)+"{x}"+double.Replace(after), []string{"x"})
		if err != nil {
			t.Fatal(err)
		}
		if got := compiled.fill([]string{value}); got != before+value+after {
			t.Fatalf("got %q, want %q", got, before+value+after)
		}
	})
}
