package ops_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/ops"
)

// everyCause returns all that a row can hold about what happened: each errcode, an unknown errcode, each kind, and nil
// for neither.
func everyCause() (all []any) {
	for _, code := range slices.Sorted(maps.Keys(explain.WeChat)) {
		all = append(all, code)
	}
	all = append(all, int32(99999))
	for _, kind := range slices.Sorted(maps.Keys(explain.Kinds)) {
		all = append(all, kind)
	}
	return append(all, nil)
}

// words returns what package explain says of a cause.
func words(cause any) explain.Cause {
	switch cause := cause.(type) {
	case int32:
		found, _ := explain.CauseOf(&cause, "")
		return found
	case explain.Kind:
		found, _ := explain.CauseOf(nil, cause)
		return found
	}
	return explain.Written("别的原因 (details)")
}

// The table, the views, `submsg status` and `submsg show` say the same words in both tongues.
func TestAllSayTheSame(t *testing.T) {
	d := newDB(t)
	causes := everyCause()
	if len(causes) < 70 {
		t.Fatalf("only %d causes", len(causes))
	}
	if n := one[int](d, `SELECT count(*) FROM subMsgCause`); n != len(causes)-2 {
		t.Errorf("%d causes are published, want %d", n, len(causes)-2)
	}
	for i, cause := range causes {
		d.settle(1, fmt.Sprintf("t%d", i), "fail", cause, "别的原因 (details)", "1 min")
		d.exec(`INSERT INTO subMsgPause (templateId, reason, errCode, errKind, probeAt)
			SELECT templateId, 'r', errCode, errKind, now() FROM subMsgList ORDER BY id DESC LIMIT 1`)
	}
	failures := map[int64]explain.Cause{}
	for _, f := range d.look().Failures {
		failures[f.Example] = f.Explained()
	}
	for i, cause := range causes {
		id, want := int64(i+1), words(cause)
		if want.Why.ZH == "" || want.Why.EN == "" || want.NextStep.ZH == "" || want.NextStep.EN == "" {
			t.Errorf("%v: %+v", cause, want)
		}
		if failures[id] != want {
			t.Errorf("%v: subMsgFailures says %+v, explain %+v", cause, failures[id], want)
		}
		story, err := ops.Show(t.Context(), d, id)
		if err != nil || story.Cause == nil || story.Cause.Explained() != want {
			t.Errorf("%v: submsg show says %+v, explain %+v, %v", cause, story.Cause, want, err)
		}
		if cause == nil || cause == int32(99999) {
			continue // the table has no words for these
		}
		if len(story.Pauses) != 1 || story.Pauses[0].English != want.Why.EN+": "+want.NextStep.EN {
			t.Errorf("%v: subMsgPaused says %+v, explain %+v", cause, story.Pauses, want)
		}
	}
}
