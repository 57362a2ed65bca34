package templates

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/submsg/submsg/internal/yamlfiles"
)

// nowhere is the name of a place that the template does not show; it may stand several times.
const nowhere = "_"

var (
	keys = []string{"id", "name", "title", "account", "params", "page", "miniprogramState", "lang", "onTooLong",
		"onUnknown", "data"}
	required = []string{"id", "name", "params", "data"}

	// The expression doesn't count the characters: 64 times a class of all letters would be megabytes, made anew by
	// every process.
	goodID    = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	goodName  = regexp.MustCompile(`^[\p{L}\p{Nd}_-]+$`)
	goodParam = regexp.MustCompile(`^[\p{L}_][\p{L}\p{Nd}_]*$`)
)

// fits tells whether s has a form and at most 64 characters.
func fits(form *regexp.Regexp, s string) bool {
	return utf8.RuneCountInString(s) <= 64 && form.MatchString(s)
}

// choices are the keys that take one of a few words; the first is the default.
var choices = []struct {
	key   string
	words []string
	set   func(t *Template, word string)
}{
	{"miniprogramState", []string{"formal", "developer", "trial"}, func(t *Template, w string) { t.MiniprogramState = w }},
	{"lang", []string{"zh_CN", "en_US", "zh_HK", "zh_TW"}, func(t *Template, w string) { t.Lang = w }},
	{"onTooLong", []string{Reject, Truncate}, func(t *Template, w string) { t.OnTooLong = w }},
	{"onUnknown", []string{Hold, Resend}, func(t *Template, w string) { t.OnUnknown = w }},
}

// draft is a template in the making. It goes on after a mistake, so that all are reported at once.
type draft struct {
	*yamlfiles.Source
	template *Template
	texts    map[string]yamlfiles.Scalar // the keys that hold a text
	used     []bool                      // by place: whether something shows the parameter
	lost     bool                        // a text could not be read, so nobody knows which parameters it shows
}

// read makes a template of one file's content; the draft's errs say whether it may be used.
func read(file string, content []byte, keysOf func(account string) Keys) *draft {
	d := &draft{template: &Template{File: file}, texts: map[string]yamlfiles.Scalar{},
		Source: &yamlfiles.Source{File: file, Thing: thing, Needs: "id, name, params and data",
			Brace: `; a value with { or } stands in quotes: thing1: "{name}"`}}
	entries := d.Entries(content)
	if len(d.Errs) > 0 && entries == nil {
		return d
	}
	lists := map[string]yamlfiles.Entry{}
	for _, e := range entries {
		switch {
		case !slices.Contains(keys, e.Key.Value):
			d.Fail(e.Key.Line, "unknown key %s%s", quote(e.Key.Value), suggest(e.Key.Value, keys))
		case e.Key.Value == "params" || e.Key.Value == "data":
			lists[e.Key.Value] = e
		default:
			if t, ok := d.Text(e); ok {
				d.texts[e.Key.Value] = t
			}
		}
	}
	for _, key := range required {
		if !slices.ContainsFunc(entries, func(e yamlfiles.Entry) bool { return e.Key.Value == key }) {
			d.Fail(1, "%s is missing", key)
		}
	}
	d.identity()
	d.choose()
	params, ok := lists["params"]
	if !ok {
		return d
	}
	places := d.params(params)
	if len(places) == 0 && len(d.Errs) > 0 {
		return d // each placeholder would be a mistake, all of them from this one
	}
	d.page()
	if data, ok := lists["data"]; ok {
		d.data(data, keysOf(d.template.Account))
		d.unused(places)
	}
	return d
}

func (d *draft) identity() {
	if id, ok := d.texts["id"]; ok && !fits(goodID, id.Value) {
		d.Fail(id.Line, "id %s: a WeChat template id is 1 to 64 of A-Z a-z 0-9 _ -", quote(id.Value))
	}
	if name, ok := d.texts["name"]; ok && !fits(goodName, name.Value) {
		d.Fail(name.Line, "name %s: a name is 1 to 64 letters, digits, _ or -", quote(name.Value))
	}
	if title, ok := d.texts["title"]; ok && strings.ContainsFunc(title.Value, unicode.IsControl) {
		d.Fail(title.Line, "title: it holds a line break or another control character")
	}
	t, account := d.template, d.texts["account"]
	t.Account, t.AccountLine = account.Value, account.Line
	t.ID, t.Name, t.Title = d.texts["id"].Value, d.texts["name"].Value, d.texts["title"].Value
}

func (d *draft) choose() {
	for _, c := range choices {
		given, ok := d.texts[c.key]
		if !ok {
			given.Value = c.words[0]
		}
		if !slices.Contains(c.words, given.Value) {
			d.Fail(given.Line, "%s %s is none of %s%s", c.key, quote(given.Value), strings.Join(c.words, ", "),
				suggest(given.Value, c.words))
		}
		c.set(d.template, given.Value)
	}
}

func (d *draft) params(e yamlfiles.Entry) []yamlfiles.Scalar {
	places := d.List(e)
	for _, p := range places {
		switch {
		case !fits(goodParam, p.Value):
			d.Fail(p.Line, "param %s: a name is letters, digits and _, and begins with no digit", quote(p.Value))
		case p.Value != nowhere && slices.Contains(d.template.Params, p.Value):
			d.Fail(p.Line, "param %s stands twice", p.Value)
		}
		d.template.Params = append(d.template.Params, p.Value)
	}
	d.used = make([]bool, len(places))
	return places
}

func (d *draft) page() {
	given, ok := d.texts["page"]
	if !ok {
		return
	}
	t, compiled := d.compile("page", given)
	if !compiled {
		return
	}
	d.template.Page, d.template.page = given.Value, t
	sample := slices.Repeat([]string{"x"}, len(d.template.Params))
	if reason := checkPage(t.fill(sample)); reason != "" {
		d.Fail(given.Line, "page %s: %s", quote(given.Value), reason)
	}
}

// compile reads a text with its {param}, and notes which of them it shows.
func (d *draft) compile(key string, s yamlfiles.Scalar) (t text, ok bool) {
	t, err := compile(s.Value, d.template.Params)
	if err != nil {
		d.Fail(s.Line, "%s: %v", shorten(key), err)
		d.lost = true
		return nil, false
	}
	for _, i := range t.places() {
		d.used[i] = true
	}
	return t, true
}

func (d *draft) unused(places []yamlfiles.Scalar) {
	if d.lost {
		return
	}
	for i, p := range places {
		again := slices.Index(d.template.Params, p.Value) < i
		if !d.used[i] && !again && p.Value != nowhere {
			d.Fail(p.Line, "param %[1]s is not shown: write {%[1]s} where it belongs, or call its place _",
				shorten(p.Value))
		}
	}
}
