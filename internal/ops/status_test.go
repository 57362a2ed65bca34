package ops_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/outbox"
)

func (d *db) look() ops.Status {
	d.t.Helper()
	s, err := ops.Look(d.t.Context(), d, connect(d.t, d.url))
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

func TestLook(t *testing.T) {
	d := newDB(t)
	empty := d.look()
	if empty.Waiting+empty.Due+empty.Sending+empty.Looked != 0 || !empty.Whole || !empty.Awake ||
		len(empty.Replicas) > 0 || empty.Now.IsZero() {
		t.Errorf("of an empty database: %+v", empty)
	}
	for _, name := range []string{"submsg listener", "submsg", "submsg"} {
		config := d.Config().Copy()
		config.RuntimeParams["application_name"] = name
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
	}
	d.exec(`SELECT setval('subMsgWake', 1)`)
	d.settle(3, "a", "fail", 43101, "r", "30 s")
	d.settle(2, "a", "success", 0, "ok", "30 s")
	d.settle(4, "a", "fail", 43101, "r", "30 min")
	d.settle(5, "a", "fail", 43101, "r", "2 h")
	d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter) SELECT 'o', 'a', least(now() - interval '2 min', t), t FROM (SELECT now() + n * interval '1 min' FROM unnest('{-90,-1,30,60}'::int[]) n) AS s (t)`)
	d.exec(`WITH m AS (INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil, createTime)
		SELECT 'o', 'b', 'sending', '00000000-0000-4000-8000-000000000000'::uuid, now() + n * interval '1 min', now() - interval '2 min' FROM unnest('{-1,1}'::int[]) n RETURNING *)
		INSERT INTO subMsgClaim SELECT '00000000-0000-4000-8000-000000000000', now() + interval '1 min', array_agg(id) FROM m`)
	got := d.look()
	want := ops.Status{Backlog: ops.Backlog{Waiting: 4, Due: 2, Oldest: 5400, Next: 1800},
		Claimed: ops.Claimed{Sending: 2, Overdue: 1}, Scope: ops.Scope{Looked: 20, Whole: true},
		Rates: ops.Rates{Inserted: 5, Success: 2, Fail: 3}, Replicas: []ops.Replica{{Listens: 1, Sessions: 3}}}
	seconds := cmp.Comparer(func(a, b float64) bool { return a-b < 30 && b-a < 30 })
	aside := cmpopts.IgnoreFields(ops.Status{},
		"Backlog.Now", "Backlog.Estimate", "Rates", "Failures", "Problems", "Paused")
	hosts := cmpopts.IgnoreFields(ops.Replica{}, "Since", "Host")
	if diff := cmp.Diff(want, got, aside, hosts, cmpopts.EquateEmpty(), seconds); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Rates != want.Rates {
		t.Errorf("rates %+v, want %+v", got.Rates, want.Rates)
	}
	if len(got.Failures) != 1 || got.Failures[0].Count != 7 || got.Failures[0].Status != outbox.Failed {
		t.Errorf("failures of the last hour: %+v, want 7 of one cause", got.Failures)
	}
}

// Where a backlog is sent so fast that less than a minute of it was looked at, the rates are scaled up to a minute.
func TestRatesOfAPart(t *testing.T) {
	d := newDB(t)
	d.settle(12000, "a", "success", 0, "ok", "20 s")
	d.exec(`INSERT INTO subMsgList (openid, templateId, createTime) SELECT 'o', 'a', now() - interval '20 s' FROM generate_series(1, 12000)`)
	s := d.look()
	if s.Looked != 20000 || s.Whole || s.Waiting != ops.MostCounted+1 {
		t.Errorf("%+v", s)
	}
	if s.Rates.Success < 25000 || s.Rates.Success > 30000 { // 10,000 in 20 s or a little more
		t.Errorf("%+v a minute", s.Rates)
	}
}

func TestShowOfARule(t *testing.T) {
	d := newDB(t, `INSERT INTO subMsgTemplate (templateId, name) VALUES ('id-of-a', 'a')`)
	d.exec(`CREATE TABLE slips (id bigint PRIMARY KEY, who text, state text)`)
	d.exec(`SELECT submsg_watch('slips', template => 'a', openid => 'who', whenColumn => 'state', whenValues => '{sent}', hold => '1 hour', name => 'slips')`)
	d.exec(`INSERT INTO slips VALUES (1, 'oSlip', 'open')`)
	d.exec(`UPDATE slips SET state = 'sent'`)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, errCode, probeAt) VALUES ('id-of-a', 'r', 43116, now()), ('other', 'r', NULL, now()), ('*', 'r', NULL, now())`)
	s, err := ops.Show(t.Context(), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.Held == nil || s.Held.Rule != "slips" || time.Until(s.Held.Due) < time.Minute ||
		!cmp.Equal(s.Rules, []string{"slips"}) {
		t.Errorf("held %+v, rules %q", s.Held, s.Rules)
	}
	if len(s.Pauses) != 2 || s.Pauses[0].TemplateID != "*" || s.Pauses[1].TemplateID != "a" ||
		s.Pauses[1].English == "" {
		t.Errorf("pauses %+v, want the account's and its template's, by the other spelling", s.Pauses)
	}
	if _, err := ops.Show(t.Context(), d, 2); err != ops.ErrNoMessage {
		t.Errorf("%v, want %v", err, ops.ErrNoMessage)
	}
}

// An administrator may have dropped the table's constraints, so that any value can stand in it.
func TestListOfABrokenRow(t *testing.T) {
	d := newDB(t, `ALTER TABLE subMsgList DROP CONSTRAINT parameterarr_is_a_plain_list_without_null`,
		`INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o', 't', '{{a,b},{c,d}}'), ('o', 't', '{a,NULL}'), ('o', 't', '{}'), ('o', 't', '{a,"b c"}')`)
	found, err := ops.Messages(t.Context(), d, []int64{1, 2, 3, 4})
	if err != nil || len(found) != 4 {
		t.Fatalf("%v, %v", found, err)
	}
	for i, want := range []bool{true, true, false, false} { // the newest first
		if params, ok := found[i].List(); ok != want {
			t.Errorf("message %d: %q, %t", found[i].ID, params, ok)
		}
	}
}
