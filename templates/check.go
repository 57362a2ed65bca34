package templates

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nowhere is the name of a place that the template does not show; it may stand several times.
const nowhere = "_"

var (
	keys = []string{"id", "name", "title", "params", "page", "miniprogramState", "lang", "onTooLong", "onUnknown",
		"data"}
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
	*source
	template *Template
	texts    map[string]scalar // the keys that hold a text
	used     []bool            // by place: whether something shows the parameter
	lost     bool              // a text could not be read, so nobody knows which parameters it shows
}

// read makes a template of one file's content; the draft's errs say whether it may be used.
func read(file string, content []byte) *draft {
	d := &draft{source: &source{file: file}, template: &Template{File: file}, texts: map[string]scalar{}}
	entries := d.entries(content)
	if len(d.errs) > 0 && entries == nil {
		return d
	}
	lists := map[string]entry{}
	for _, e := range entries {
		switch {
		case !slices.Contains(keys, e.key.value):
			d.fail(e.key.line, "unknown key %s%s", quote(e.key.value), suggest(e.key.value, keys))
		case e.key.value == "params" || e.key.value == "data":
			lists[e.key.value] = e
		default:
			if t, ok := d.text(e); ok {
				d.texts[e.key.value] = t
			}
		}
	}
	for _, key := range required {
		if !slices.ContainsFunc(entries, func(e entry) bool { return e.key.value == key }) {
			d.fail(1, "%s is missing", key)
		}
	}
	d.identity()
	d.choose()
	params, ok := lists["params"]
	if !ok {
		return d
	}
	places := d.params(params)
	if len(places) == 0 && len(d.errs) > 0 {
		return d // each placeholder would be a mistake, all of them from this one
	}
	d.page()
	if data, ok := lists["data"]; ok {
		d.data(data)
		d.unused(places)
	}
	return d
}

func (d *draft) identity() {
	if id, ok := d.texts["id"]; ok && !fits(goodID, id.value) {
		d.fail(id.line, "id %s: a WeChat template id is 1 to 64 of A-Z a-z 0-9 _ -", quote(id.value))
	}
	if name, ok := d.texts["name"]; ok && !fits(goodName, name.value) {
		d.fail(name.line, "name %s: a name is 1 to 64 letters, digits, _ or -", quote(name.value))
	}
	if title, ok := d.texts["title"]; ok && strings.ContainsFunc(title.value, unicode.IsControl) {
		d.fail(title.line, "title: it holds a line break or another control character")
	}
	t := d.template
	t.ID, t.Name, t.Title = d.texts["id"].value, d.texts["name"].value, d.texts["title"].value
}

func (d *draft) choose() {
	for _, c := range choices {
		given, ok := d.texts[c.key]
		if !ok {
			given.value = c.words[0]
		}
		if !slices.Contains(c.words, given.value) {
			d.fail(given.line, "%s %s is none of %s%s", c.key, quote(given.value), strings.Join(c.words, ", "),
				suggest(given.value, c.words))
		}
		c.set(d.template, given.value)
	}
}

func (d *draft) params(e entry) []scalar {
	places := d.list(e)
	for _, p := range places {
		switch {
		case !fits(goodParam, p.value):
			d.fail(p.line, "param %s: a name is letters, digits and _, and begins with no digit", quote(p.value))
		case p.value != nowhere && slices.Contains(d.template.Params, p.value):
			d.fail(p.line, "param %s stands twice", p.value)
		}
		d.template.Params = append(d.template.Params, p.value)
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
	d.template.Page, d.template.page = given.value, t
	sample := slices.Repeat([]string{"x"}, len(d.template.Params))
	if reason := checkPage(t.fill(sample)); reason != "" {
		d.fail(given.line, "page %s: %s", quote(given.value), reason)
	}
}

// compile reads a text with its {param}, and notes which of them it shows.
func (d *draft) compile(key string, s scalar) (t text, ok bool) {
	t, err := compile(s.value, d.template.Params)
	if err != nil {
		d.fail(s.line, "%s: %v", shorten(key), err)
		d.lost = true
		return nil, false
	}
	for _, i := range t.places() {
		d.used[i] = true
	}
	return t, true
}

func (d *draft) unused(places []scalar) {
	if d.lost {
		return
	}
	for i, p := range places {
		again := slices.Index(d.template.Params, p.value) < i
		if !d.used[i] && !again && p.value != nowhere {
			d.fail(p.line, "param %s is not shown: write {%s} where it belongs, or call its place _", shorten(p.value),
				shorten(p.value))
		}
	}
}
