package fields

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The table of types in the README of templates, which people copy from: each example in the column "passes" passes,
// each in quotes under "refused" is refused.
func TestReadmeTypes(t *testing.T) {
	content, err := os.ReadFile("../../../../templates/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(content), "| type | passes | refused |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	seen := map[string]bool{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		kind := quoted(cells[1])[0]
		seen[kind] = true
		template := one(t, kind+"1", "")
		for _, v := range quoted(cells[2]) {
			if _, err := template.Render([]string{v}, ""); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		for _, v := range quoted(cells[3]) {
			if _, err := template.Render([]string{v}, ""); err == nil {
				t.Errorf("%s lets %q pass", kind, v)
			}
		}
	}
	for kind := range requirements {
		if !strings.Contains(string(content), "`"+kind.String()+"`") {
			t.Errorf("type %s is not described", kind)
		}
	}
	if diff := cmp.Diff(len(requirements), len(seen)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// quoted returns what stands between backquotes.
func quoted(cell string) (list []string) {
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			list = append(list, part)
		}
	}
	return list
}
