package account

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/templates"
)

// aTemplate is a template's file; the account, where it says one, stands in line 3.
func aTemplate(name, account string) string {
	if account != "" {
		account = "account: " + account + "\n"
	}
	return fmt.Sprintf("id: %s-id\nname: %s\n%sparams: [what]\ndata:\n  thing1: \"{what}\"\n", name, name, account)
}

func catalogueOf(t *testing.T, accounts map[string]string) *templates.Catalogue {
	t.Helper()
	files := fstest.MapFS{}
	for name, account := range accounts {
		files[name+".yaml"] = &fstest.MapFile{Data: []byte(aTemplate(name, account))}
	}
	c, err := fields.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func accountsOf(names ...string) (list []*Account) {
	for _, name := range names {
		list = append(list, &Account{Name: name, Channel: WeChat})
	}
	return list
}

func TestAssign(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		accounts  []*Account
		templates map[string]string // and the account that they name
		want      map[string]string // and the account that sends them
		mistakes  []string
	}{
		{"the only one", accountsOf("shopA"), map[string]string{"x": "", "y": "shopA"}, map[string]string{"x": "shopA", "y": "shopA"}, nil},
		{"default", accountsOf("default", "shopA"), map[string]string{"x": "", "y": "shopA"}, map[string]string{"x": "default", "y": "shopA"}, nil},
		{"no default", accountsOf("shopA", "shopB"), map[string]string{"x": "", "y": "shopA"}, nil,
			[]string{"x.yaml:1: account is missing: there are shopA, shopB, and none is called default"}},
		{"unknown", accountsOf("shopA", "shopB"), map[string]string{"x": "shopC", "y": "elsewhere"}, nil, []string{
			`x.yaml:3: account "shopC" is none of shopA, shopB; did you mean shopA?`, `y.yaml:3: account "elsewhere" is none of shopA, shopB`}},
		{"in another case", accountsOf("shopA"), map[string]string{"x": "shopa"}, nil, []string{`x.yaml:3: account "shopa" is none of shopA; did you mean shopA?`}},
		{"empty", accountsOf("shopA"), map[string]string{"x": `""`}, nil, []string{`x.yaml:3: account "" is none of shopA`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Assign(tt.accounts, catalogueOf(t, tt.templates))
			if err != nil {
				if diff := cmp.Diff(tt.mistakes, strings.Split(err.Error(), "\n")); diff != "" {
					t.Errorf("errors (-want +got):\n%s", diff)
				}
				return
			}
			got := map[string]string{}
			for name := range tt.templates {
				got[name] = c.AccountOf(name).Name
				if c.AccountOf(name+"-id") != c.AccountOf(name) {
					t.Errorf("%s has another account by its id", name)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || tt.mistakes != nil {
				t.Errorf("accounts (-want +got):\n%s", diff)
			}
			if c.AccountOf("z") != nil {
				t.Error("a template that isn't there has an account")
			}
		})
	}
}

func TestTemplatesOfAnAccount(t *testing.T) {
	t.Parallel()
	catalogue := catalogueOf(t, map[string]string{"x": "shopA", "y": "shopA", "z": "shopB"})
	c, err := Assign(accountsOf("shopA", "shopB", "shopC"), catalogue)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, a := range c.Accounts {
		got[a.Name] = c.spellingsOf(a)
		if len(got[a.Name]) != 2*len(c.TemplatesOf(a)) {
			t.Errorf("%s: %v, and %d templates", a.Name, got[a.Name], len(c.TemplatesOf(a)))
		}
	}
	// nil would be any template.
	want := map[string][]string{"shopA": {"x", "x-id", "y", "y-id"}, "shopB": {"z", "z-id"}, "shopC": {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
}
