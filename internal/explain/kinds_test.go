package explain

import (
	"maps"
	"slices"
	"testing"
)

func TestKindsAreSaidInBothTongues(t *testing.T) {
	for _, kind := range slices.Sorted(maps.Keys(Kinds)) {
		wellSaid(t, kind, Kinds[kind].Why)
		wellSaid(t, kind, Kinds[kind].NextStep)
	}
	wellSaid(t, "what nobody wrote down", Unrecorded.Why)
	wellSaid(t, "what nobody wrote down", Unrecorded.NextStep)
}
