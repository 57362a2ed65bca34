package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/submsg/submsg/internal/yamlfiles"
)

// Listed is a template as WeChat lists it for the account.
type Listed struct {
	ID, Title string
	Account   string      // its name, where its file is to say it
	LongTerm  bool        // one permission, many sends; otherwise each send needs one
	Keys      []ListedKey // in the order of the card
}

// ListedKey is one line of the card.
type ListedKey struct {
	Key     string   // amount3
	Label   string   // what stands before the value: 金额
	Example string   // a value that WeChat shows: ￥100; may be empty
	Values  []string // what an enum may be; nil when WeChat does not say
}

// Names are names that a new file may have, the best one first: the title, the title with a part of the id, the id.
func (l Listed) Names() []string {
	const most = 40 // characters, so that with .yaml it is a file name everywhere
	title, short, id := nameOf(l.Title, most), nameOf(l.ID, 8), nameOf(l.ID, 64)
	if title == "" {
		return []string{"template-" + short, id}
	}
	return []string{title, title + "-" + short, id}
}

// nameOf keeps what a template's name may hold, and at most so many characters.
func nameOf(text string, most int) string {
	var kept []rune
	for _, c := range text {
		if len(kept) < most && goodName.MatchString(string(c)) {
			kept = append(kept, c)
		}
	}
	return string(kept)
}

// File composes the template's file: each key shows a parameter of its own, which is called as the key is. What it
// returns passes Load with the same keys. The error says what a file can't express.
func (l Listed) File(name string, keys Keys) ([]byte, error) {
	var params []string
	var data strings.Builder
	for _, k := range l.Keys {
		kind, err := keys(k.Key)
		if err != nil {
			return nil, fmt.Errorf("%w, as far as this version knows", err)
		}
		params = append(params, k.Key)
		fmt.Fprintf(&data, "  %s: %s%s\n", k.Key, k.value(kind), k.comment())
	}
	account := ""
	if l.Account != "" {
		account = "account: " + quoteYAML(l.Account) + "\n"
	}
	permission := "one-time"
	if l.LongTerm {
		permission = "long-term"
	}
	content := fmt.Appendf(nil, "# A %s subscription. Name the params as you like, here and in data; "+
		`give a page if the card shall open one.
id: %s
name: %s
title: %s
%sparams: [%s]
data:
%s`, permission, quoteYAML(l.ID), quoteYAML(name), quoteYAML(oneLine(l.Title)), account, strings.Join(params, ", "),
		&data)
	switch {
	case params == nil:
		return nil, errors.New("WeChat lists no keys of it")
	case len(content) > yamlfiles.MaxFile:
		return nil, errors.New("its file would be larger than 64 KiB")
	}
	if errs := read("", content, func(string) Keys { return keys }).Errs; len(errs) > 0 {
		return nil, errors.New(errs[0].Reason)
	}
	return content, nil
}

// value shows the parameter that is called as the key is. A value that can never be sent is not listed.
func (k ListedKey) value(kind Type) string {
	shown := quoteYAML("{" + k.Key + "}")
	if !kind.Lists() {
		return shown
	}
	var values []string
	for _, v := range k.Values {
		_, reason := kind.Fit(v, nil, false)
		if q := quoteYAML(v); reason == "" && !slices.Contains(values, q) {
			values = append(values, q)
		}
	}
	if values == nil {
		return shown
	}
	return "{value: " + shown + ", values: [" + strings.Join(values, ", ") + "]}"
}

func (k ListedKey) comment() string {
	said := k.Label
	if k.Example != "" {
		said += ": " + k.Example
	}
	if said = oneLine(said); said == "" {
		return ""
	}
	return " # " + said
}

// unseen tells what a person who reads the file doesn't see, or what turns the text around it. The joiners within emoji
// and words are no such thing.
func unseen(r rune) bool {
	const zwnj, zwj = '\u200c', '\u200d'
	return !unicode.IsGraphic(r) && r != zwnj && r != zwj
}

// oneLine makes spaces of line breaks and of other characters that can't be seen.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unseen(r) {
			return ' '
		}
		return r
	}, text))
}

// quoteYAML writes a text so that YAML reads it as it is, and that a person sees all of it.
func quoteYAML(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case unseen(r) && r != utf8.RuneError:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}
