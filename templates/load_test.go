package templates

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/yamlfiles"
)

func folder(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

// good is a template without a mistake: id in line 1, name 2, params 3, page 4, data 5, thing2 6, amount3 7.
const good = `id: abc
name: order
params: [goods, price]
page: pages/a
data:
  thing2: "{goods}"
  amount3: "{price}元"
`

// mistakes hold what is changed in good, and everything that Load then says.
var mistakes = []struct {
	name, old, new string
	want           []string
}{
	{"unknown key", "page:", "pages:", []string{`t.yaml:4: unknown key "pages"; did you mean page?`}},
	{"unknown key in another case", "page:", "Page:", []string{`t.yaml:4: unknown key "Page"; did you mean page?`}},
	{"unknown key unlike any", "page:", "colour:", []string{`t.yaml:4: unknown key "colour"`}},
	{"duplicate key", "page: pages/a", "name: other", []string{`t.yaml:4: name stands twice, first in line 2`}},
	{"duplicate data key", "amount3:", "thing2:", []string{`t.yaml:7: thing2 stands twice, first in line 6`}},
	{"missing id", "id: abc\n", "", []string{`t.yaml:1: id is missing`}},
	{"missing name", "name: order\n", "", []string{`t.yaml:1: name is missing`}},
	{"missing params", "params: [goods, price]\n", "", []string{`t.yaml:1: params is missing`}},
	{"missing data", good[strings.Index(good, "data:"):], "", []string{`t.yaml:1: data is missing`}},
	{"id of a number", "id: abc", "id: 12345", []string{`t.yaml:1: id must be text, but is a number: write it in quotes if it is meant so`}},
	{"id with a space", "id: abc", `id: "abc "`, []string{`t.yaml:1: id "abc ": a WeChat template id is 1 to 64 of A-Z a-z 0-9 _ -`}},
	{"id too long", "id: abc", "id: " + strings.Repeat("a", 65), []string{`t.yaml:1: id "` + strings.Repeat("a", 40) + `…": a WeChat template id is 1 to 64 of A-Z a-z 0-9 _ -`}},
	{"name with a slash", "name: order", "name: a/b", []string{`t.yaml:2: name "a/b": a name is 1 to 64 letters, digits, _ or -`}},
	{"name without a value", "name: order", "name:", []string{`t.yaml:2: name has no value`}},
	{"account of a number", "page: pages/a", "account: 5", []string{`t.yaml:4: account must be text, but is a number: write it in quotes if it is meant so`}},
	{"title of two lines", "page: pages/a", `title: "a\nb"`, []string{`t.yaml:4: title: it holds a line break or another control character`}},
	{"params not a list", "[goods, price]", "goods", []string{`t.yaml:3: params must be a list, as in [a, b], but is text`}},
	{"param of a number", "[goods, price]", "[goods, price, 3]", []string{`t.yaml:3: params, place 3, must be text, but is a number: write it in quotes if it is meant so`}},
	{"param that is no name", "[goods, price]", "[goods, price, 2nd]", []string{
		`t.yaml:3: param "2nd": a name is letters, digits and _, and begins with no digit`,
		`t.yaml:3: param 2nd is not shown: write {2nd} where it belongs, or call its place _`}},
	{"param twice", "[goods, price]", "[goods, price, goods]", []string{`t.yaml:3: param goods stands twice`}},
	{"param not shown", "[goods, price]", "\n  - goods\n  - note\n  - price", []string{`t.yaml:5: param note is not shown: write {note} where it belongs, or call its place _`}},
	{"unknown placeholder", "{price}", "{prise}", []string{`t.yaml:7: amount3: {prise} is none of the params; did you mean price?`}},
	{"placeholder with spaces", "{price}", "{ price }", []string{`t.yaml:7: amount3: { price } is none of the params; did you mean price?`}},
	{"placeholder of a hidden place", "{price}元", "{price}{_}", []string{`t.yaml:7: amount3: {_} is none of the params`}},
	{"unclosed brace", "{price}元", "{price元", []string{`t.yaml:7: amount3: the { in "{price元" is never closed; write {{ for a brace`}},
	{"unopened brace", "{price}元", "price}元", []string{`t.yaml:7: amount3: a } without its {; write }} for a brace`}},
	{"doubled braces", "{goods}", "{{goods}}", []string{`t.yaml:3: param goods is not shown: write {goods} where it belongs, or call its place _`}},
	{"unquoted placeholder", `"{goods}"`, `{goods}`, []string{`t.yaml:6: thing2 must be text: a value with { in it stands in quotes, as in "{name}"`}},
	{"unquoted placeholder with text", `"{price}元"`, `{price}元`, []string{`t.yaml:7: not YAML: value is not allowed in this context; a value with { or } stands in quotes: thing1: "{name}"`}},
	{"unknown type", "thing2", "things2", []string{`t.yaml:6: key "things2": WeChat has no type "things"; did you mean thing?`}},
	{"no number", "thing2", "thing", []string{`t.yaml:6: key "thing": its number is missing, as in thing1`}},
	{"padded number", "thing2", "thing02", []string{`t.yaml:6: key "thing02": WeChat's numbers have no leading 0`}},
	{"long number", "thing2", "thing1234567890", []string{`t.yaml:6: key "thing1234567890": its number is too long`}},
	{"key with .DATA", "thing2", "thing2.DATA", []string{`t.yaml:6: key "thing2.DATA": write it without .DATA`}},
	{"key with a space", "thing2", `"thing2 "`, []string{`t.yaml:6: key "thing2 ": WeChat has no type "thing2 "; did you mean thing?`}},
	{"key of a number", "page: pages/a", "5: x", []string{`t.yaml:4: a key must be plain text, but "5" is a number`}},
	{"data not a mapping", good[strings.Index(good, "data:"):], "data: [a]\n", []string{`t.yaml:5: data must be a mapping of keys to values, but is a list`}},
	{"data empty", "params: [goods, price]\npage: pages/a\n" + good[strings.Index(good, "data:"):], "params: []\ndata: {}\n", []string{`t.yaml:4: data is empty: a template shows at least one key`}},
	{"page with a scheme", "pages/a", "https://a/b", []string{`t.yaml:4: page "https://a/b": it has a scheme; a page is a path inside the mini-program, such as pages/index/index?id=1`}},
	{"page with a host", "pages/a", "//a/b", []string{`t.yaml:4: page "//a/b": it begins with //; a page is a path inside the mini-program, such as pages/index/index?id=1`}},
	{"page with dots", "pages/a", "../a", []string{`t.yaml:4: page "../a": it has a .. in its path; a page is a path inside the mini-program, such as pages/index/index?id=1`}},
	{"page with a control character", "pages/a", `"pages/a\0"`, []string{`t.yaml:4: page "pages/a\x00": it holds a control character`}},
	{"page with an unknown param", "pages/a", `"pages/a?id={id}"`, []string{`t.yaml:4: page: {id} is none of the params`}},
	{"state", "page: pages/a", "miniprogramState: develop", []string{`t.yaml:4: miniprogramState "develop" is none of formal, developer, trial; did you mean developer?`}},
	{"lang", "page: pages/a", "lang: zh-CN", []string{`t.yaml:4: lang "zh-CN" is none of zh_CN, en_US, zh_HK, zh_TW; did you mean zh_CN?`}},
	{"onTooLong", "page: pages/a", "onTooLong: cut", []string{`t.yaml:4: onTooLong "cut" is none of reject, truncate`}},
	{"onUnknown", "page: pages/a", "onUnknown: true", []string{`t.yaml:4: onUnknown must be text, but is true or false: write it in quotes if it is meant so`}},
	{"text that no type takes", "{price}元", "价格{price}元", []string{`t.yaml:7: amount3 "价格{price}元" can never be sent: ` + amountSays}},
	{"text too long by itself", "{goods}", strings.Repeat("汉", 21) + "{goods}", []string{`t.yaml:6: thing2 "` + strings.Repeat("汉", 21) + `{goods}" can never be sent: ` + thingSays}},
	{"fixed text of the wrong form", "page: pages/a\ndata:", "data:\n  date4: 2019-13-01", []string{`t.yaml:5: date4 "2019-13-01" can never be sent: ` + dateSays}},
	{"empty text", "page: pages/a\ndata:", "data:\n  thing4: ''", []string{`t.yaml:5: thing4 "" can never be sent: it is empty, and WeChat refuses an empty value`}},
	{"text with a line break", `"{goods}"`, "|\n    {goods}", []string{`t.yaml:6: thing2 "{goods}\n" can never be sent: it holds the control character U+000A: no line breaks, tabs or the like`}},
	{"values of another type", `"{goods}"`, `{value: "{goods}", values: [a]}`, []string{`t.yaml:6: thing2: only an enum has values`}},
	{"values twice", `thing2: "{goods}"`, `enum_string2: {value: "{goods}", values: [a, b, a]}`, []string{`t.yaml:6: enum_string2: value "a" stands twice`}},
	{"values empty", `thing2: "{goods}"`, `enum_string2: {value: "{goods}", values: []}`, []string{`t.yaml:6: enum_string2: values is empty`}},
	{"a value that can't be sent", `thing2: "{goods}"`, `enum_string2: {value: "{goods}", values: [a, ""]}`, []string{`t.yaml:6: enum_string2: value "" can never be sent: it is empty, and WeChat refuses an empty value`}},
	{"a key beside value", `thing2: "{goods}"`, `enum_string2: {value: "{goods}", valus: [a]}`, []string{`t.yaml:6: enum_string2: unknown key "valus"; did you mean value?`}},
	{"fixed text outside the values", "page: pages/a\ndata:", "data:\n  enum4: {value: c, values: [a, b]}", []string{`t.yaml:5: enum4 "c" can never be sent: it must be one of a, b`}},
	{"two documents", "page: pages/a\n", "---\n", []string{`t.yaml:4: a second document begins: one file is one template`}},
	{"two documents without a mark", "page: pages/a\n", "...\n", []string{`t.yaml:5: a second document begins: one file is one template`}},
	{"anchor", "pages/a", "&a pages/a", []string{`t.yaml:4: page must be text, but is a YAML anchor, which no template uses: write it in quotes if it is meant so`}},
	{"tag", "pages/a", "!!str pages/a", []string{`t.yaml:4: page must be text, but is a YAML tag, which no template uses: write it in quotes if it is meant so`}},
	{"merge key", "page: pages/a", "<<: {lang: en_US}", []string{`t.yaml:4: a key must be plain text, but "<<" is a YAML merge key, which no template uses`}},
	{"tab", "  thing2", "\tthing2", []string{"t.yaml:6: not YAML: found character '\t' that cannot start any token; a value with { or } stands in quotes: thing1: \"{name}\""}},
	{"not closed", `"{goods}"`, `"{goods}`, []string{`t.yaml:7: not YAML: value is not allowed in this context. map key-value is pre-defined; a value with { or } stands in quotes: thing1: "{name}"`}},
	{"empty file", good, "", []string{`t.yaml:1: the file is empty: it needs id, name, params and data`}},
	{"only a comment", good, "# later\n", []string{`t.yaml:1: the file is empty: it needs id, name, params and data`}},
	{"a list", good, "- id: abc\n", []string{`t.yaml:1: the file must be a mapping of keys to values, but is a list`}},
	{"not UTF-8", "order", "\xb6\xa9", []string{`t.yaml:1: the file is not valid UTF-8: save it as UTF-8`}},
	{"too large", good, good + "#" + strings.Repeat("x", yamlfiles.MaxFile), []string{`t.yaml: is larger than 64 KiB; no template is`}},
	{"brackets without end", good, strings.Repeat("[", 60000), []string{`t.yaml:1: lists or mappings are nested too deep`}},
	{"dashes without end", good, strings.Repeat("- ", 30000), []string{`t.yaml:1: lists or mappings are nested too deep`}},
	{"several at once", "name: order\nparams: [goods, price]\npage", "name: a b\nparams: [goods, price, price]\npag",
		[]string{
			`t.yaml:2: name "a b": a name is 1 to 64 letters, digits, _ or -`, `t.yaml:3: param price stands twice`,
			`t.yaml:4: unknown key "pag"; did you mean page?`}},
}

func TestMistakes(t *testing.T) {
	for _, c := range mistakes {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(good, c.old) != 1 && c.old != "thing2" {
				t.Fatalf("%q stands %d times in the good template", c.old, strings.Count(good, c.old))
			}
			catalogue, err := load(folder(map[string]string{"t.yaml": strings.Replace(good, c.old, c.new, 1)}))
			if err == nil || catalogue != nil {
				t.Fatalf("loaded: error %v", err)
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			var typed *Error
			if !errors.As(err, &typed) || typed.File != "t.yaml" {
				t.Errorf("%T holds no *Error of t.yaml", err)
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	cases := map[string]string{
		"as it is":            good,
		"CRLF":                strings.ReplaceAll(good, "\n", "\r\n"),
		"byte order mark":     "\uFEFF" + good,
		"document marks":      "---\n" + good + "...\n",
		"comments":            "# order\n" + strings.ReplaceAll(good, "pages/a", "pages/a # where"),
		"hidden places":       strings.Replace(good, "[goods, price]", "[_, goods, _, price]", 1),
		"shown by the page":   strings.Replace(strings.Replace(good, "pages/a", `"pages/a?id={id}"`, 1), "price]", "price, id]", 1),
		"Chinese names":       strings.NewReplacer("order", "订单", "goods", "商品").Replace(good),
		"no parameters":       "id: a\nname: b\nparams: []\ndata: {thing1: hello}\n",
		"every optional key":  good + "title: 订单\naccount: shopA\nlang: en_US\nminiprogramState: trial\nonTooLong: truncate\nonUnknown: resend\n",
		"id and name in one":  strings.Replace(good, "name: order", "name: abc", 1),
		"enum without values": strings.Replace(good, `"{goods}"`, `"{goods}"`+"\n  enum5: {value: \"{goods}\"}", 1),
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := load(folder(map[string]string{"t.yaml": content}))
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := c.Find(c.All()[0].Name); !ok {
				t.Error("the template is not found by its name")
			}
		})
	}
}

func TestDefaultsAndOrder(t *testing.T) {
	got := parse(t, strings.Replace(good, "data:", "data:\n  time9: 15:01\n  date1: 2019-10-01", 1))
	if diff := cmp.Diff([]string{"formal", "zh_CN", "reject", "hold"},
		[]string{got.MiniprogramState, got.Lang, got.OnTooLong, got.OnUnknown}); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	var fields []string
	for _, f := range got.Fields {
		fields = append(fields, f.Key+" "+f.Type.String()+" "+f.Value)
	}
	if diff := cmp.Diff([]string{"time9 time 15:01", "date1 date 2019-10-01", "thing2 thing {goods}",
		"amount3 amount {price}元"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// Which accounts there are is others' business: a template keeps the name and where it stands.
func TestAccount(t *testing.T) {
	if got := parse(t, good); got.Account != "" || got.AccountLine != 0 {
		t.Errorf("without one: %q in line %d", got.Account, got.AccountLine)
	}
	if got := parse(t, good+"account: shop A\n"); got.Account != "shop A" || got.AccountLine != 8 {
		t.Errorf("got %q in line %d", got.Account, got.AccountLine)
	}
}

func TestMistakesAcrossFiles(t *testing.T) {
	other := func(id, name string) string {
		return strings.NewReplacer("abc", id, "order", name).Replace(good)
	}
	cases := []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"id twice", map[string]string{"b.yaml": other("abc", "b"), "a.yaml": good}, []string{`b.yaml:1: id "abc" is already the id in a.yaml:1`}},
		{"name twice", map[string]string{"b.yaml": other("b", "order"), "a.yaml": good}, []string{`b.yaml:2: name "order" is already the name in a.yaml:2`}},
		{"name as an id", map[string]string{"b.yaml": other("b", "abc"), "a.yaml": good}, []string{`b.yaml:2: name "abc" is already the id in a.yaml:1`}},
		{"id as a name", map[string]string{"b.yaml": other("order", "b"), "a.yaml": good}, []string{`b.yaml:1: id "order" is already the name in a.yaml:2`}},
		{"all of all files, sorted", map[string]string{"c.yaml": "", "b.yml": good, "a.yaml": other("a b", "x/y"),
			"d.yaml": strings.Repeat("x", yamlfiles.MaxFile+1)}, []string{
			`a.yaml:1: id "a b": a WeChat template id is 1 to 64 of A-Z a-z 0-9 _ -`,
			`a.yaml:2: name "x/y": a name is 1 to 64 letters, digits, _ or -`,
			`b.yml: call it b.yaml: only *.yaml is read`,
			`c.yaml:1: the file is empty: it needs id, name, params and data`,
			`d.yaml: is larger than 64 KiB; no template is`}},
		{"no template", map[string]string{"README.md": "x", ".hidden.yaml": "x", "sub/a.yaml": good}, []string{"the folder has no *.yaml file"}},
		{"a folder", map[string]string{"a.yaml/b.yaml": good}, []string{"a.yaml: is not a regular file"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(folder(c.files))
			if err == nil {
				t.Fatal("loaded")
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}
