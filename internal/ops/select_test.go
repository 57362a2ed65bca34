package ops_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/outbox"
)

func (d *db) find(s ops.Selection) []int64 {
	d.t.Helper()
	ids, err := ops.Find(d.t.Context(), d, s, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return ids
}

func TestFind(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgTemplate (templateId, name) VALUES ('id-of-a', 'a')`)
	d.settle(2, "a", "fail", 43101, "r", "3 days")      // 1, 2
	d.settle(1, "id-of-a", "fail", 47003, "r", "1 min") // 3
	d.settle(1, "b", "success", 0, "ok", "1 min")       // 4
	d.settle(1, "b", "unknown", nil, "?", "2 hours")    // 5
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter) VALUES ('oWaits', 'a', 'infinity'), ('oWaits', 'b', '-infinity')`)
	d.exec(`WITH m AS (INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		VALUES ('oSending', 'b', 'sending', gen_random_uuid(), now() + interval '1 min') RETURNING *)
		INSERT INTO subMsgClaim SELECT claimId, leaseUntil, ARRAY[id] FROM m`) // 8
	for _, tt := range []struct {
		name string
		s    ops.Selection
		want []int64
	}{
		{"everything, the newest first", ops.Selection{}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		{"the newest two", ops.Selection{Limit: 2}, []int64{8, 7}},
		{"ids", ops.Selection{IDs: []int64{3, 99, 1}}, []int64{3, 1}},
		{"ids with a status", ops.Selection{IDs: []int64{3, 4}, Statuses: []outbox.Status{outbox.Failed}}, []int64{3}},
		{"a template by its name", ops.Selection{Templates: []string{"a"}}, []int64{6, 3, 2, 1}},
		{"a template by its id", ops.Selection{Templates: []string{"id-of-a"}}, []int64{6, 3, 2, 1}},
		{"a template that nobody told of", ops.Selection{Templates: []string{"b", "c"}}, []int64{8, 7, 5, 4}},
		{"a user", ops.Selection{OpenID: "oWaits"}, []int64{7, 6}},
		{"waiting ones", ops.Selection{Statuses: []outbox.Status{outbox.Waiting}}, []int64{7, 6}},
		{"waiting ones of a template", ops.Selection{Statuses: []outbox.Status{outbox.Waiting}, Templates: []string{"b"}, Limit: 5}, []int64{7}},
		{"being sent", ops.Selection{Statuses: []outbox.Status{outbox.Sending}}, []int64{8}},
		{"two statuses", ops.Selection{Statuses: []outbox.Status{outbox.Uncertain, outbox.Sending}}, []int64{8, 5}},
		{"errcodes", ops.Selection{ErrCodes: []int32{43101, 0}}, []int64{4, 2, 1}},
		{"old ones", ops.Selection{Older: 24 * time.Hour}, []int64{2, 1}},
		{"new ones", ops.Selection{Newer: time.Hour}, []int64{8, 7, 6, 4, 3}},
		{"in between", ops.Selection{Older: time.Hour, Newer: 24 * time.Hour}, []int64{5}},
		{"due before a moment", ops.Selection{DueBefore: time.Now().Add(-time.Hour)}, []int64{7}},
		{"waiting ones, due before the end", ops.Selection{DueBefore: time.Now().Add(time.Hour), Statuses: []outbox.Status{outbox.Waiting}}, []int64{7}},
		{"nothing", ops.Selection{OpenID: "oNobody"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, d.find(tt.s), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	messages, err := ops.Messages(t.Context(), d, []int64{6, 7})
	if err != nil || len(messages) != 2 || messages[1].SendAfter.Year() != 9999 || messages[0].SendAfter.Unix() != 0 {
		t.Errorf("%v, %v", messages, err)
	}
}

// A walk over many steps finds all messages. It stops when it has enough, when it is beyond the age, or when progress
// returns an error.
func TestWalk(t *testing.T) {
	d := newDB(t)
	d.settle(1, "first", "fail", 40003, "r", "9 days")
	d.settle(30000, "a", "success", 0, "ok", "5 days")
	d.settle(2, "a", "fail", 40003, "r", "2 days")
	d.settle(15000, "a", "success", 0, "ok", "1 min")
	failed := ops.Selection{Statuses: []outbox.Status{outbox.Failed}}
	for _, tt := range []struct {
		name   string
		change func(*ops.Selection)
		want   []int64
		looked int64
	}{
		{"all", func(*ops.Selection) {}, []int64{30003, 30002, 1}, 45003},
		{"enough", func(s *ops.Selection) { s.Limit = 2 }, []int64{30003, 30002}, 10000},
		{"beyond the age", func(s *ops.Selection) { s.Newer = 72 * time.Hour }, []int64{30003, 30002}, 20000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, seen := failed, int64(0)
			tt.change(&s)
			ids, err := ops.Find(t.Context(), d, s, func(looked, _ int64) error { seen = looked; return nil })
			if diff := cmp.Diff(tt.want, ids); err != nil || diff != "" {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
			if seen != tt.looked {
				t.Errorf("looked at %d rows before the last step, want %d", seen, tt.looked)
			}
		})
	}
	enough := errors.New("enough")
	if _, err := ops.Find(t.Context(), d, failed, func(int64, int64) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v, want %v", err, enough)
	}
}
