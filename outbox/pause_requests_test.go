package outbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The messages of a batch that met the same ask for one pause, with the latest reason, which knows all of them.
func TestPauseRequestsOfABatch(t *testing.T) {
	t.Parallel()
	var got []pauseRequest
	for row, r := range []pauseRequest{
		{templates: []string{"id", "name"}, why: Verdict{Text: "1"}},
		{templates: []string{WholeAccount}, why: Verdict{Text: "2"}},
		{templates: []string{"id", "name"}, why: Verdict{Text: "3"}},
		{templates: []string{"id"}, why: Verdict{Text: "4"}},
	} {
		got = addPauseRequest(got, int64(row), r.templates, r.why)
	}
	want := []pauseRequest{
		{[]string{"id", "name"}, Verdict{Text: "3"}, []int64{0, 2}},
		{[]string{WholeAccount}, Verdict{Text: "2"}, []int64{1}},
		{[]string{"id"}, Verdict{Text: "4"}, []int64{3}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pauseRequest{})); diff != "" {
		t.Error(diff)
	}
}
