package templates

import (
	"fmt"
	"strings"
)

// Payload is a rendered template: the body of subscribe/send without its receiver.
type Payload struct {
	TemplateID, Page, MiniprogramState, Lang string
	Data                                     []Item // in the template's order
}

// Item is one key of a payload's data.
type Item struct{ Key, Value string }

// RenderError says why a message can't be rendered. Its text is for the person who mends the row. It names parameters
// and holds none of their values, because it is read by people who may not read parameterArr.
type RenderError struct {
	Index  int    // place of the first parameter concerned, from 1; 0 when there is none
	Param  string // its name
	Key    string // the key it was for, or "page"; "" when the number of parameters is wrong
	Reason string // the whole sentence
}

func (e *RenderError) Error() string { return e.Reason }

// Render fills the template with the values of one message. An empty page means the template's own.
// The error is a *RenderError.
func (t *Template) Render(params []string, page string) (Payload, error) {
	if len(params) != len(t.Params) {
		return Payload{}, t.countError(len(params))
	}
	if page == "" {
		page = t.pageOf(params)
	}
	if reason := checkPage(page); reason != "" {
		return Payload{}, &RenderError{Key: "page", Reason: "the page can't be opened: " + reason}
	}
	p := Payload{TemplateID: t.ID, Page: page, MiniprogramState: t.MiniprogramState, Lang: t.Lang}
	p.Data = make([]Item, len(t.Fields))
	for i := range t.Fields {
		f := &t.Fields[i]
		value, reason := f.Type.Fit(f.text.fill(params), f.Values, t.OnTooLong == Truncate)
		if reason != "" {
			return Payload{}, t.valueError(f, reason)
		}
		p.Data[i] = Item{f.Key, value}
	}
	return p, nil
}

func (t *Template) countError(given int) *RenderError {
	takes := fmt.Sprintf("%s takes %d parameters, but got %d", t.Name, len(t.Params), given)
	if given > len(t.Params) {
		return &RenderError{Index: len(t.Params) + 1,
			Reason: fmt.Sprintf("%s: %d too many", takes, given-len(t.Params))}
	}
	var missing []string
	for i := given; i < len(t.Params); i++ {
		missing = append(missing, t.place(i))
	}
	return &RenderError{Index: given + 1, Param: t.Params[given],
		Reason: takes + ": missing " + strings.Join(missing, ", ")}
}

// valueError names the parameters that a refused value was made of. Every such value has one: a value
// without parameters was checked when the file was read.
func (t *Template) valueError(f *Field, reason string) *RenderError {
	places := f.text.places()
	e := &RenderError{Index: places[0] + 1, Param: t.Params[places[0]], Key: f.Key}
	if len(f.text) == 1 {
		e.Reason = fmt.Sprintf("parameter %s can't be %s: %s", t.place(places[0]), f.Key, reason)
		return e
	}
	var names []string
	for _, i := range places {
		names = append(names, t.place(i))
	}
	subject := "parameter"
	if len(names) > 1 {
		subject = "parameters"
	}
	e.Reason = fmt.Sprintf("%s %s can't be filled into %s %s: %s", subject, strings.Join(names, " and "), f.Key,
		quote(f.Value), reason)
	return e
}

// place names a parameter as people count: 2 (goodsPrice).
func (t *Template) place(i int) string {
	return fmt.Sprintf("%d (%s)", i+1, t.Params[i])
}
