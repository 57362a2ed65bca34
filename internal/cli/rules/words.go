package rules

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/templates"
)

// sentence is the whole rule in words.
func sentence(r rules.Rule) string {
	s := fmt.Sprintf("When %s in %s, the user in %s gets %s", firing(r), r.Table, r.OpenID, r.Template)
	if r.Hold > 0 {
		s += fmt.Sprintf(", held for %s in which the row can still call it off", terminal.ShortDuration(r.Hold))
	}
	for _, part := range []struct{ words, value string }{
		{"not before", r.SendAfter}, {"never after", r.ExpireTime}, {"only once for each", r.DedupKey}, {"opening", r.Page},
	} {
		if part.value != "" {
			s += ", " + part.words + " " + part.value
		}
	}
	return s + "."
}

// firing is when a rule fires, in words.
func firing(r rules.Rule) string {
	var s string
	switch {
	case r.Flag != "" && r.WhenColumn != "":
		s = fmt.Sprintf("%s is set while %s is %s", r.Flag, r.WhenColumn, anyOf(r.WhenValues))
	case r.Flag != "":
		s = r.Flag + " is set"
	case r.WhenValues != nil:
		s = fmt.Sprintf("%s changes to %s", r.WhenColumn, anyOf(r.WhenValues))
	case r.WhenColumn != "":
		s = r.WhenColumn + " changes"
	default:
		s = "a row is inserted"
	}
	if r.OnInsert && r.Flag+r.WhenColumn != "" {
		s += ", or a row is inserted so,"
	}
	for _, column := range slices.Sorted(maps.Keys(r.Filter)) {
		s += fmt.Sprintf(" and %s is %s", column, anyOf(r.Filter[column]))
	}
	return s
}

// inQuotes leaves everything else as it is, as an emoji of several characters.
var inQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func anyOf(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = `"` + inQuotes.Replace(v) + `"`
	}
	return cmp.Or(strings.Join(quoted, " or "), "nothing")
}

// paramTable shows where each of the template's parameters comes from.
func paramTable(r rules.Rule, catalogue *templates.Catalogue) *terminal.Table {
	t := terminal.NewTable("", "parameter", "from")
	t.Wrap(3, 60)
	found, _ := catalogue.Find(r.Template)
	for i, from := range r.Params {
		name := ""
		if found != nil && i < len(found.Params) {
			name = found.Params[i]
		}
		t.Row(i+1, name, source(from))
	}
	return t
}

// source says where a parameter comes from: as it is written, but for the JSON forms.
func source(param string) []string {
	var p struct {
		Column, Else, Format, Zone, Null string
		Map                              map[string]string
	}
	if !strings.HasPrefix(param, "{") || json.Unmarshal([]byte(param), &p) != nil {
		return []string{param}
	}
	lines := []string{p.Column}
	for _, value := range slices.Sorted(maps.Keys(p.Map)) {
		lines = append(lines, value+" → "+p.Map[value])
	}
	for _, part := range []struct{ words, value string }{{"else → ", p.Else}, {"NULL → ", p.Null},
		{"written as ", p.Format}, {"time zone ", p.Zone}} {
		if part.value != "" {
			lines = append(lines, part.words+part.value)
		}
	}
	return lines
}
