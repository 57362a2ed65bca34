// Package templates turns the positional values of a message into the payload that a channel sends. It knows no
// database, no queue and no network; what a key may hold is told by the channel.
//
// A template is one YAML file: it names the places of parameterArr once, and the channel's keys (WeChat's thing2,
// amount3, …) refer to those names. Files are read and checked at start, and all mistakes are reported together.
// Rendering refuses a value only when the channel certainly would. README.md in this folder describes the format.
//
// Begin reading at Template in this file; load.go and check.go read and check the files, keys.go is what they ask the
// channel, render.go fills a template.
package templates

import (
	"slices"

	"github.com/submsg/submsg/internal/yamlfiles"
)

// What a template may say to do with a text that is too long (OnTooLong), and with a message
// of which nobody knows whether it was sent (OnUnknown). The first of each is the default.
const (
	Reject   = "reject"
	Truncate = "truncate"

	Hold   = "hold"
	Resend = "resend"
)

// Template is one checked template file. Templates come from Load; they are shared, and must not be changed.
type Template struct {
	ID, Name, Title  string
	Account          string   // the name of the account that sends it, "" where the file says none
	AccountLine      int      // where the file says so, 0 where it doesn't
	Params           []string // names of parameterArr's places, in order; "_" is a place that is not shown
	Page             string   // as written, with its {param}; "" means that the card leads nowhere
	MiniprogramState string   // developer, trial or formal
	Lang             string   // zh_CN, en_US, zh_HK or zh_TW
	OnTooLong        string   // Reject or Truncate
	OnUnknown        string   // Hold or Resend
	Fields           []Field  // in the file's order
	File             string   // its name in the folder

	page text
}

// Field is one entry of a template's data.
type Field struct {
	Key    string   // the channel's key: amount3
	Type   Type     // what it may hold: an amount
	Value  string   // as written: {goodsPrice}元
	Values []string // what an enum may be, when the file says so

	text text
}

// Catalogue is a set of templates. It never changes, and is safe for concurrent use.
type Catalogue struct {
	sorted []*Template
	find   map[string]*Template // by id and by name
	names  []string             // the keys of find, sorted
	counts map[string]int       // by the keys of find
	digest yamlfiles.Digest     // of the files it was made from
}

// Find returns the template with this WeChat id or this name.
func (c *Catalogue) Find(idOrName string) (*Template, bool) {
	t, ok := c.find[idOrName]
	return t, ok
}

// All returns the templates sorted by name.
func (c *Catalogue) All() []*Template {
	return slices.Clone(c.sorted)
}

// Names returns all ids and names that Find knows, sorted. It is the catalogue's own list, which nobody may change.
func (c *Catalogue) Names() []string { return c.names }

// ParamCounts returns how many parameters the template takes of each id and name that Find knows. It is the catalogue's
// own map, which nobody may change.
func (c *Catalogue) ParamCounts() map[string]int { return c.counts }
