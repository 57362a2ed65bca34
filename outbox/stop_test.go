package outbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A batch's messages that met the same make one pause, for the latest reason, and are all known to it.
func TestStopsOfABatch(t *testing.T) {
	var stops []stop
	for row, s := range []stop{{templates: []string{"id", "name"}, why: Verdict{Text: "1"}}, {templates: []string{Account}, why: Verdict{Text: "2"}},
		{templates: []string{"id", "name"}, why: Verdict{Text: "3"}}, {templates: []string{"id"}, why: Verdict{Text: "4"}}} {
		stops = addStop(stops, row, s.templates, s.why)
	}
	want := []stop{{[]string{"id", "name"}, Verdict{Text: "3"}, []int{0, 2}}, {[]string{Account}, Verdict{Text: "2"}, []int{1}}, {[]string{"id"}, Verdict{Text: "4"}, []int{3}}}
	if diff := cmp.Diff(want, stops, cmp.AllowUnexported(stop{})); diff != "" {
		t.Error(diff)
	}
}
