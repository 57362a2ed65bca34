package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

var statuses = []string{"wait", "sending", "success", "fail", "unknown", "cancel", "expired"}

// insertAs makes a row of a status, sending ones with the lease given.
func (d *db) insertAs(status, lease string) int64 {
	d.t.Helper()
	return one[int64](d, `INSERT INTO subMsgList (openid, templateId, sendStatus, sendStatusMsg, errCode, attempts, msgId, sendTime, claimId, leaseUntil)
		VALUES ('o1', 't', $1, 'said', 1, 3, 7, now(), gen_random_uuid(), CASE WHEN $1 = 'sending' THEN now() + $2::interval END) RETURNING id`, status, lease)
}

// What a person may do from each status; "sending over" is a row whose lease is over.
var byHand = map[string][]string{
	"wait":         {"cancel", "expired"},
	"sending":      {},
	"sending over": {"wait", "unknown", "success", "fail", "cancel"},
	"success":      {"wait"},
	"fail":         {"wait", "cancel"},
	"unknown":      {"wait", "success", "fail", "cancel"},
	"cancel":       {"wait"},
	"expired":      {"wait", "cancel"},
}

func TestTransitionsByHand(t *testing.T) {
	d := newDB(t)
	for from, allowed := range byHand {
		for _, to := range statuses {
			status, lease := from, "1 hour"
			if from == "sending over" {
				status, lease = "sending", "-1 second"
			}
			if status == to {
				continue
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				id := d.insertAs(status, lease)
				_, err := d.Exec(t.Context(), `UPDATE subMsgList SET sendStatus = $2 WHERE id = $1`, id, to)
				if slices.Contains(allowed, to) {
					if err != nil || d.status(id) != to {
						t.Errorf("now %s, error %v", d.status(id), err)
					}
					return
				}
				var pg *pgconn.PgError
				if !errors.As(err, &pg) || !strings.Contains(pg.Message, fmt.Sprintf("message %d", id)) || pg.Hint == "" || d.status(id) != status {
					t.Errorf("now %s, error %v; want a refusal that names the message and has a hint", d.status(id), err)
				}
			})
		}
	}
}

func TestBackToWaitStartsAnew(t *testing.T) {
	d := newDB(t)
	for _, status := range []string{"success", "fail", "unknown", "cancel", "expired"} {
		id := d.insertAs(status, "0")
		d.exec(`UPDATE subMsgList SET sendStatus = 'wait', parameterArr = '{new}' WHERE id = $1`, id)
		got := one[string](d, `SELECT format('%s|%s|%s|%s|%s|%s|%s', attempts, sendStatusMsg, errCode, msgId, sendTime, claimId, parameterArr) FROM subMsgList WHERE id = $1`, id)
		if got != "0||||||{new}" {
			t.Errorf("from %s: %s", status, got)
		}
	}
}

func TestWaitAgainNeedsTimeLeft(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, expireTime) VALUES ('o1', 't', 'expired', now() - interval '1 s')`)
	_, err := d.Exec(t.Context(), `UPDATE subMsgList SET sendStatus = 'wait'`)
	if err == nil || !strings.Contains(err.Error(), "expireTime") {
		t.Errorf("error %v, want one about expireTime", err)
	}
	d.exec(`UPDATE subMsgList SET sendStatus = 'wait', expireTime = now() + interval '1 h'`)
}

// A tool that writes the whole row back, as it read it before the claim, must not undo the claim.
func TestStaleRowWrittenBack(t *testing.T) {
	d := newDB(t)
	for _, status := range []string{"wait", "sending", "fail"} {
		id := d.insertAs("sending", "1 hour")
		_, err := d.Exec(t.Context(), `UPDATE subMsgList SET openid = 'o2', sendStatus = $2,
			claimId = CASE $2 WHEN 'sending' THEN gen_random_uuid() END, leaseUntil = CASE $2 WHEN 'sending' THEN now() END WHERE id = $1`, id, status)
		if err == nil || !strings.Contains(err.Error(), "is being sent") {
			t.Errorf("written back as %s: %v", status, err)
		}
	}
}

// What is being sent may be edited; it changes nothing about this send.
func TestEditInMidSend(t *testing.T) {
	d, gate := newDB(t), make(chan struct{})
	ch := &channel{answer: gated(gate)}
	run(t, config(d, ch))
	id := d.insert(message(1))[0]
	d.eventually(id, "sending")
	d.exec(`UPDATE subMsgList SET parameterArr = '{other}', page = 'x'`)
	close(gate)
	d.eventually(id, "success")
	if got := ch.sent[0].Params; !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("sent %q", got)
	}
}

func TestTimesAreKeptByTheDatabase(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, updateTime) VALUES ('o1', 't', '2020-01-01', '2020-01-01')`)
	d.exec(`UPDATE subMsgList SET page = 'p', createTime = now(), updateTime = '2019-01-01'`)
	if got := one[bool](d, `SELECT createTime = '2020-01-01' AND updateTime > now() - interval '1 minute' FROM subMsgList`); !got {
		t.Error("createTime changed, or updateTime didn't")
	}
}

func TestRowsThatAreRefused(t *testing.T) {
	d := newDB(t)
	long := strings.Repeat("x", 5000)
	for _, tt := range []struct{ name, sql, want string }{
		{"no openid", `INSERT INTO subMsgList (templateId) VALUES ('t')`, `"openid"`},
		{"empty openid", `INSERT INTO subMsgList (openid, templateId) VALUES ('', 't')`, "openid_is_1_to_64_ascii"},
		{"openid of 65", `INSERT INTO subMsgList (openid, templateId) VALUES (repeat('o', 65), 't')`, "openid_is_1_to_64_ascii"},
		{"openid with a line break", `INSERT INTO subMsgList (openid, templateId) VALUES (E'o\n', 't')`, "openid_is_1_to_64_ascii"},
		{"openid with an emoji", `INSERT INTO subMsgList (openid, templateId) VALUES ('o😀', 't')`, "openid_is_1_to_64_ascii"},
		{"no template", `INSERT INTO subMsgList (openid) VALUES ('o')`, `"templateid"`},
		{"template with a space", `INSERT INTO subMsgList (openid, templateId) VALUES ('o', 't ')`, "templateid_is_1_to_64"},
		{"parameters NULL", `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o', 't', NULL)`, `"parameterarr"`},
		{"a parameter NULL", `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o', 't', '{a,NULL}')`, "parameterarr_is_a_plain_list_without_null"},
		{"nested parameters", `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o', 't', '{{a,b},{c,d}}')`, "parameterarr_is_a_plain_list"},
		{"33 parameters", `INSERT INTO subMsgList (openid, templateId, parameterArr) SELECT 'o', 't', array_agg('x'::text) FROM generate_series(1, 33)`, "parameterarr_is_at_most_32_values"},
		{"parameters of 10 kB", `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o', 't', ARRAY['` + long + `', '` + long + `'])`, "8192_bytes"},
		{"status misspelt", `INSERT INTO subMsgList (openid, templateId, sendStatus) VALUES ('o', 't', 'sucess')`, "sendstatus_is_wait_sending_success"},
		{"status by hand misspelt", `UPDATE subMsgList SET sendStatus = 'Wait'`, "from fail to Wait"},
		{"status NULL", `UPDATE subMsgList SET sendStatus = NULL`, `"sendstatus"`},
		{"sending without a claim", `INSERT INTO subMsgList (openid, templateId, sendStatus) VALUES ('o', 't', 'sending')`, "sending_and_only_sending_has_a_claim"},
		{"page too long", `INSERT INTO subMsgList (openid, templateId, page) VALUES ('o', 't', '` + long + `')`, "page_is_at_most_1024"},
		{"dedupKey empty", `INSERT INTO subMsgList (openid, templateId, dedupKey) VALUES ('o', 't', '')`, "dedupkey_is_1_to_256"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.insertAs("fail", "0")
			_, err := d.Exec(context.Background(), tt.sql)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
