package ops_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/outbox"
)

var failed = ops.Selection{Statuses: []outbox.Status{outbox.Failed}}

// status returns the sendStatus of one message.
func (d *db) status(id int64) string {
	d.t.Helper()
	return one[string](d, `SELECT sendStatus FROM subMsgList WHERE id = $1`, id)
}

// Much can happen to a row between the search and the change. The result names each such row and why it was left, the
// change waits for none of them, and it changes all others.
func TestRetryLeavesWhatIsNotItsOwn(t *testing.T) {
	d := newDB(t)
	d.settle(8, "t", "fail", 43101, "r", "1 min")
	d.exec(`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit says no'; END $$`)
	d.exec(`CREATE TRIGGER audit BEFORE UPDATE ON subMsgList FOR EACH ROW WHEN (NEW.id = 6) EXECUTE FUNCTION no()`)
	ids := d.find(failed)

	person := connect(t, d.url)
	person.exec(`BEGIN`)
	person.exec(`UPDATE subMsgList SET parameterArr = '{x}' WHERE id = 2`)
	d.exec(`UPDATE subMsgList SET sendStatus = 'cancel' WHERE id = 3`)
	d.exec(`DELETE FROM subMsgList WHERE id = 4`)
	d.exec(`UPDATE subMsgList SET expireTime = now() - interval '1 s' WHERE id = 5`)
	result, err := ops.Retry(t.Context(), d, failed, ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := ops.Result{Changed: 3, Left: []ops.Left{
		{ID: 2, Why: ops.Locked, Status: outbox.Failed},
		{ID: 3, Why: ops.Changed, Status: outbox.Cancelled},
		{ID: 4, Why: ops.Gone},
		{ID: 5, Why: ops.Late, Status: outbox.Failed},
		{ID: 6, Why: ops.Refused, Text: "audit says no"},
	}}
	byID := cmpopts.SortSlices(func(a, b ops.Left) bool { return a.ID < b.ID })
	if diff := cmp.Diff(want, result, byID); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	person.exec(`COMMIT`)
	for id, want := range map[int64]string{
		1: "wait", 2: "fail", 3: "cancel", 5: "fail", 6: "fail", 7: "wait", 8: "wait",
	} {
		if got := d.status(id); got != want {
			t.Errorf("message %d is %s, want %s", id, got, want)
		}
	}
	if n := one[int](d, `SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait' AND (errCode IS NOT NULL OR attempts > 0)`); n != 0 {
		t.Errorf("%d wait with the old outcome", n)
	}
}

func TestChangesGoInBatches(t *testing.T) {
	d := newDB(t)
	d.settle(2500, "t", "fail", 43101, "r", "1 min")
	ids := d.find(failed)
	var steps []int64
	result, err := ops.Retry(t.Context(), d, failed, ids, func(r ops.Result) error {
		steps = append(steps, r.Changed)
		return nil
	})
	if diff := cmp.Diff([]int64{1000, 2000, 2500}, steps); err != nil || diff != "" || result.Changed != 2500 {
		t.Errorf("%v, %v, -want +got:\n%s", result, err, diff)
	}
	enough := errors.New("enough")
	waiting := ops.Selection{Statuses: []outbox.Status{outbox.Waiting}}
	result, err = ops.Cancel(t.Context(), d, waiting, d.find(waiting), func(ops.Result) error { return enough })
	if !errors.Is(err, enough) || result.Changed != 1000 {
		t.Errorf("%v, %v", result, err)
	}
	if n := one[int](d, `SELECT count(*) FROM subMsgList WHERE sendStatus = 'cancel'`); n != 1000 {
		t.Errorf("%d called off, want 1000", n)
	}
}

// A message that is being sent can neither be sent again nor called off.
func TestSendingIsLeft(t *testing.T) {
	d := newDB(t, `INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil) VALUES ('o', 't', 'sending', gen_random_uuid(), now() + interval '1 min')`)
	type change func(context.Context, ops.DB, ops.Selection, []int64, func(ops.Result) error) (ops.Result, error)
	for _, do := range []change{ops.Retry, ops.Cancel} {
		result, err := do(t.Context(), d, ops.Selection{}, []int64{1}, nil)
		if err != nil || len(result.Left) != 1 || result.Left[0].Why != ops.Refused || d.status(1) != "sending" {
			t.Errorf("%v, %v", result, err)
		}
		says := result.Left[0]
		if !strings.Contains(says.Text, "正在发送") || !strings.Contains(says.English, "is being sent") {
			t.Errorf("it isn't told in both tongues: %+v", says)
		}
	}
}

// Where the login lacks the right to change rows, the change ends with an error instead of trying each row by itself.
func TestChangeNeedsItsRight(t *testing.T) {
	d := newDB(t)
	d.settle(3, "t", "fail", 43101, "r", "1 min")
	role := "reads_" + d.Config().Database
	d.exec(`CREATE ROLE "` + role + `"; GRANT SELECT ON ALL TABLES IN SCHEMA public TO "` + role + `"; SET ROLE "` + role + `"`)
	defer d.exec(`RESET ROLE; DROP OWNED BY "` + role + `"; DROP ROLE "` + role + `"`)
	result, err := ops.Retry(t.Context(), d, failed, d.find(failed), nil)
	if err == nil || result.Changed+int64(len(result.Left)) != 0 {
		t.Errorf("%v, %v", result, err)
	}
}
