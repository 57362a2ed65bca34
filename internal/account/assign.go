package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/submsg/submsg/internal/yamlfiles"
	"github.com/submsg/submsg/templates"
)

// Configuration is accounts and the templates that they send. It never changes.
type Configuration struct {
	Accounts  []*Account // sorted by name
	Templates *templates.Catalogue

	account map[string]*Account // by the id and by the name of a template
	loaded  *accounts
}

// AccountOf returns the account that sends a template, by its id or its name; nil: there is no such template.
func (c *Configuration) AccountOf(idOrName string) *Account { return c.account[idOrName] }

// TemplatesOf returns the templates that an account sends, sorted by name.
func (c *Configuration) TemplatesOf(a *Account) []*templates.Template {
	return slices.DeleteFunc(c.Templates.All(), func(t *templates.Template) bool { return c.account[t.ID] != a })
}

// spellingsOf returns the ids and the names of the templates that an account sends, sorted.
func (c *Configuration) spellingsOf(a *Account) []string {
	spellings := append([]string{}, c.Templates.Names()...) // never nil, which would be any template
	return slices.DeleteFunc(spellings, func(s string) bool { return c.account[s] != a })
}

// Senders is how many messages are sent at once by all accounts together, where one that says no number has so many.
func (c *Configuration) Senders(otherwise int) (n int) {
	for _, a := range c.Accounts {
		n += cmp.Or(a.Senders, otherwise)
	}
	return n
}

// Find returns the account of a name; nil: there is none.
func Find(list []*Account, name string) *Account {
	for _, a := range list {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Names are those of accounts.
func Names(list []*Account) (names []string) {
	for _, a := range list {
		names = append(names, a.Name)
	}
	return names
}

// Assign gives each template its account. Its error joins one *yamlfiles.Error, of the templates' files, for each
// template that has none.
func Assign(list []*Account, catalogue *templates.Catalogue) (*Configuration, error) {
	c := &Configuration{Accounts: list, Templates: catalogue, account: map[string]*Account{}}
	var errs []*yamlfiles.Error
	for _, t := range catalogue.All() {
		a, mistake := find(list, t)
		if mistake != nil {
			errs = append(errs, mistake)
			continue
		}
		c.account[t.ID], c.account[t.Name] = a, a
	}
	if len(errs) > 0 {
		return nil, yamlfiles.Join(errs)
	}
	return c, nil
}

// keysOf returns the keys of the channel that sends a template, by the account that the template names. Where there is
// no such account, which Assign tells, they are WeChat's.
func keysOf(list []*Account) func(account string) templates.Keys {
	return func(account string) templates.Keys {
		if a := meant(list, account); a != nil {
			return a.Keys()
		}
		return channels[WeChat].Keys
	}
}

// meant returns the account of a name, and of none the only one there is, or that called default. nil: there is none.
func meant(list []*Account, name string) *Account {
	switch {
	case name != "":
		return Find(list, name)
	case len(list) == 1:
		return list[0]
	}
	return Find(list, Default)
}

// find returns the account that is meant by a template.
func find(list []*Account, t *templates.Template) (*Account, *yamlfiles.Error) {
	a := meant(list, t.Account)
	empty := t.Account == "" && t.AccountLine > 0
	if a != nil && !empty {
		return a, nil
	}
	names := Names(list)
	among := strings.Join(names, ", ")
	mistake := func(line int, reason string) *yamlfiles.Error {
		return &yamlfiles.Error{File: t.File, Line: line, Reason: reason}
	}
	if t.AccountLine > 0 {
		return nil, mistake(t.AccountLine, fmt.Sprintf("account %s is none of %s%s", yamlfiles.Quote(t.Account), among,
			yamlfiles.Suggest(t.Account, names)))
	}
	return nil, mistake(1, fmt.Sprintf("account is missing: there are %s, and none is called %s", among, Default))
}
