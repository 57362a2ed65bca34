package templates

import (
	"io/fs"
	"testing"
)

// WeChatKeys check the data of these tests' templates. The package that has them imports this one, so that only
// wechat_test.go, which is outside of this package, can bring them here.
var WeChatKeys Keys

// What WeChat's types say of themselves.
const (
	thingSays  = "a thing is up to 20 characters of any kind"
	dateSays   = "a date is 2019年10月1日 or 2019-10-01, with or without HH:MM after it; a range joins two by ~, not ～"
	phraseSays = "a phrase is up to 5 Chinese characters, nothing else"
	amountSays = "an amount is up to 10 digits, with or without decimals; " +
		"one currency symbol may stand before them, 元 after"
)

func wechat(string) Keys { return WeChatKeys }

func load(fsys fs.FS) (*Catalogue, error) { return Load(fsys, wechat) }

// shipped is the catalogue that is built into the binary.
func shipped(t testing.TB) *Catalogue {
	t.Helper()
	c, err := load(FS)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// one makes a template with the single key, filled by the single parameter.
func one(t testing.TB, key, extra string) *Template {
	t.Helper()
	return parse(t, "id: i\nname: n\nparams: [v]\n"+extra+"data:\n  "+key+": \"{v}\"\n")
}

func parse(t testing.TB, yaml string) *Template {
	t.Helper()
	d := read("t.yaml", []byte(yaml), wechat)
	for _, err := range d.Errs {
		t.Fatal(err)
	}
	return d.template
}
