package templates

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func order(t testing.TB) *Template {
	t.Helper()
	template, ok := shipped(t).Find("orderStatus")
	if !ok {
		t.Fatal("orderStatus is not shipped")
	}
	return template
}

func TestRenderErrors(t *testing.T) {
	two := parse(t, "id: i\nname: n\nparams: [a, b, _]\ndata:\n  phrase1: \"{a}{b}{a}\"\n")
	long := strings.Repeat("汉", 60)
	cases := []struct {
		name     string
		template *Template
		params   []string
		page     string
		want     RenderError
	}{
		{"none", order(t), nil, "", RenderError{1, "goodsName", "",
			"orderStatus takes 4 parameters, but got 0: missing 1 (goodsName), 2 (goodsPrice), 3 (orderStatus), 4 (remark)"}},
		{"too few", order(t), []string{"a", "1"}, "", RenderError{3, "orderStatus", "",
			"orderStatus takes 4 parameters, but got 2: missing 3 (orderStatus), 4 (remark)"}},
		{"too many", order(t), []string{"a", "1", "b", "c", "d", "e"}, "", RenderError{5, "", "",
			"orderStatus takes 4 parameters, but got 6: 2 too many"}},
		{"wrong type", order(t), []string{"a", "10万", "b", "c"}, "", RenderError{2, "goodsPrice", "amount3",
			`parameter 2 (goodsPrice) can't be filled into amount3 "{goodsPrice}元": ` + amountSays}},
		{"empty", order(t), []string{"a", "1", "", "c"}, "", RenderError{3, "orderStatus", "thing11",
			`parameter 3 (orderStatus) can't be thing11: it is empty, and WeChat refuses an empty value`}},
		{"line break", order(t), []string{"a", "1", "b", "c\nd"}, "", RenderError{4, "remark", "thing5",
			`parameter 4 (remark) can't be thing5: it holds the control character U+000A: no line breaks, tabs or the like`}},
		{"too long", order(t), []string{long, "1", "b", "c"}, "", RenderError{1, "goodsName", "thing2",
			`parameter 1 (goodsName) can't be thing2: it is 60 characters long: ` + thingSays}},
		{"several", two, []string{"一", "x", "not shown"}, "", RenderError{1, "a", "phrase1",
			`parameters 1 (a) and 2 (b) can't be filled into phrase1 "{a}{b}{a}": ` + phraseSays}},
		{"page", order(t), []string{"a", "1", "b", "c"}, "https://example.com", RenderError{0, "", "page",
			`the page can't be opened: it has a scheme; a page is a path inside the mini-program, such as pages/index/index?id=1`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := c.template.Render(c.params, c.page)
			var got *RenderError
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want a *RenderError", err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(Payload{}, p); diff != "" {
				t.Errorf("payload beside an error:\n%s", diff)
			}
		})
	}
}

func TestValuesAreNeverExpanded(t *testing.T) {
	p, err := order(t).Render([]string{"{remark}", "1", "{{x}} {", "} ${a} %s"}, "pages/{remark}")
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{{"thing2", "{remark}"}, {"amount3", "1元"}, {"thing11", "{{x}} {"}, {"thing5", "} ${a} %s"}}
	if diff := cmp.Diff(want, p.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if p.Page != "pages/{remark}" {
		t.Errorf("the message's page became %q", p.Page)
	}
}

func TestBraces(t *testing.T) {
	template := parse(t, "id: i\nname: n\nparams: [a]\ndata:\n  thing1: \"{{{a}}} {{a}} }}{{\"\n")
	p, err := template.Render([]string{"x"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Data[0].Value, "{x} {a} }{"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPage(t *testing.T) {
	const scheme, slashes, dots = "has a scheme", "begins with //", "has a .."
	cases := []struct{ name, template, value, message, want, refused string }{
		{"none", "", "x", "", "", ""},
		{"plain", "pages/a?b=1", "x", "", "pages/a?b=1", ""},
		{"leading slash", "/pages/a", "x", "", "/pages/a", ""},
		{"value is escaped", "pages/a?v={v}", "1&x=2 +#?/汉", "", "pages/a?v=1%26x%3D2%20%2B%23%3F%2F%E6%B1%89", ""},
		{"value in the path", "pages/{v}/a", "x/y", "", "pages/x%2Fy/a", ""},
		{"dots by a value", "pages/{v}/a", "..", "", "", dots},
		{"a dotted name is no way up", "pages/{v}/a", "a..b", "", "pages/a..b/a", ""},
		{"scheme in a value is escaped", "{v}", "https://x", "", "https%3A%2F%2Fx", ""},
		{"the message's page", "pages/a", "x", "pages/b?c=d:e//..", "pages/b?c=d:e//..", ""},
		{"message with a scheme", "", "x", "javascript:1", "", scheme},
		{"message with a space and a scheme", "", "x", " https://x", "", scheme},
		{"message with a host", "", "x", "//x/y", "", slashes},
		{"message with dots", "", "x", "pages/../x", "", dots},
		{"message with a line break", "", "x", "pages/a\nb", "", "control character"},
		{"message with bad UTF-8", "", "x", "pages/\xff", "", "not valid UTF-8"},
		{"as long as can be", "", "x", strings.Repeat("p", maxPage), strings.Repeat("p", maxPage), ""},
		{"longer", "", "x", strings.Repeat("p", maxPage+1), "", "longer than 1024"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := one(t, "thing1", "page: \""+c.template+"\"\n").Render([]string{c.value}, c.message)
			switch {
			case c.refused == "" && err != nil:
				t.Error(err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("got page %q, error %v; want %q", p.Page, err, c.refused)
			case p.Page != c.want:
				t.Errorf("got %q, want %q", p.Page, c.want)
			}
		})
	}
}
