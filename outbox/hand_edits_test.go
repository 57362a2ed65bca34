package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/outbox"
)

var statuses = []string{"wait", "sending", "success", "fail", "unknown", "cancel", "expired"}

// insertAs makes a row of a status, sending ones with the lease given.
func (d *db) insertAs(status, lease string) int64 {
	d.t.Helper()
	defer d.noteClaims()
	return one[int64](d, `INSERT INTO subMsgList (openid, templateId, sendStatus, sendStatusMsg, errCode, errKind,
			attempts, msgId, sendTime, claimId, leaseUntil)
		VALUES ('o1', 't', $1, 'said', 1, 'crashed', 2, 7, now(), gen_random_uuid(),
			CASE WHEN $1 = 'sending' THEN now() + $2::interval END) RETURNING id`, status, lease)
}

// transitions lists who may move a message from one status to another. "sending over" is a sending row whose lease is
// over; every row was claimed once. A person's move that isn't listed is refused. A write of submsg that isn't listed
// changes nothing, because it is fenced by status and claimId. README.md shows the same as a diagram.
var transitions = []struct {
	from   string
	person []string          // may set these
	submsg map[string]string // write: the status that it leads to
}{
	{"wait", []string{"cancel", "expired"},
		map[string]string{"claim": "sending", "probe": "sending", "expire": "expired"}},
	{"sending", nil, merge(settles, map[string]string{"release": "wait"})},
	{"sending over", []string{"wait", "unknown", "success", "fail", "cancel", "expired"},
		merge(settles, map[string]string{"release": "wait", "sweep": "unknown", "sweep, resend": "wait"})},
	{"success", []string{"wait"}, nil},
	{"fail", []string{"wait", "cancel"}, nil},
	{"unknown", []string{"wait", "success", "fail", "cancel", "expired"}, settles}, // by a late answer
	{"cancel", []string{"wait"}, nil},
	{"expired", []string{"wait", "cancel"}, nil},
}

var settles = map[string]string{
	"settle success": "success", "settle fail": "fail", "settle unknown": "unknown", "settle wait": "wait",
}

func merge(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// ownWrites is everything that submsg writes into a row that exists.
func ownWrites(t *testing.T, d *db) map[string]func(id int64, own uuid.UUID) error {
	consumer := func(resend bool) *outbox.Consumer {
		cfg := config(d, new(channel))
		cfg.Resend = func(string) bool { return resend }
		c, err := outbox.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c, resending, ctx := consumer(false), consumer(true), t.Context()
	writes := map[string]func(int64, uuid.UUID) error{
		"claim":            func(int64, uuid.UUID) error { return c.Claim(ctx) },
		"sweep":            func(int64, uuid.UUID) error { return c.Sweep(ctx) },
		"sweep, resend":    func(int64, uuid.UUID) error { return resending.Sweep(ctx) },
		"release":          func(_ int64, own uuid.UUID) error { return c.Release(ctx, own) },
		"release, foreign": func(int64, uuid.UUID) error { return c.Release(ctx, uuid.New()) },
		"probe": func(int64, uuid.UUID) error {
			d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', 'paused', now())`)
			defer d.exec(`DELETE FROM subMsgPause`)
			return c.Probe(ctx)
		},
		"expire": func(id int64, _ uuid.UUID) error {
			d.exec(`UPDATE subMsgList SET expireTime = now() WHERE id = $1`, id)
			return c.Expire(ctx)
		},
	}
	for name, to := range settles {
		writes[name] = func(id int64, own uuid.UUID) error { return c.Settle(ctx, id, own, outbox.Status(to)) }
		writes[name+", foreign"] = func(id int64, _ uuid.UUID) error {
			return c.Settle(ctx, id, uuid.New(), outbox.Status(to))
		}
	}
	return writes
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	writes := ownWrites(t, d)
	// row makes one that stands alone in the table.
	row := func(from string) (id int64, status string) {
		d.exec(`DELETE FROM subMsgList`)
		status, over := strings.CutSuffix(from, " over")
		return d.insertAs(status, map[bool]string{true: "-1 second", false: "1 hour"}[over]), status
	}
	for _, tr := range transitions {
		for name := range tr.submsg {
			if writes[name] == nil {
				t.Fatalf("no write is called %q", name)
			}
		}
		for _, to := range statuses {
			id, status := row(tr.from)
			if status == to {
				continue
			}
			t.Run("person, "+tr.from+" to "+to, func(t *testing.T) {
				_, err := d.Exec(t.Context(), `UPDATE subMsgList SET sendStatus = $2 WHERE id = $1`, id, to)
				if slices.Contains(tr.person, to) {
					if err != nil || d.status(id) != to {
						t.Errorf("now %s, error %v", d.status(id), err)
					}
					return
				}
				var pg *pgconn.PgError
				if !errors.As(err, &pg) || !strings.Contains(pg.Message, fmt.Sprint("消息 ", id)) ||
					!strings.Contains(pg.Detail, fmt.Sprint("message ", id)) || pg.Hint == "" ||
					d.status(id) != status {
					t.Errorf("now %s, error %v; want a refusal that names the message in both languages and has a hint",
						d.status(id), err)
				}
			})
		}
		for name, write := range writes {
			t.Run("submsg, "+tr.from+", "+name, func(t *testing.T) {
				id, _ := row(tr.from)
				content := func() string {
					return one[string](d, `SELECT (to_jsonb(m) - '{updatetime,expiretime}'::text[])::text
						FROM subMsgList m`)
				}
				before := content()
				if err := write(id, one[uuid.UUID](d, `SELECT claimId FROM subMsgList`)); err != nil {
					t.Fatal(err)
				}
				if to, ok := tr.submsg[name]; ok && d.status(id) != to {
					t.Errorf("now %s, want %s", d.status(id), to)
				} else if after := content(); !ok && after != before {
					t.Errorf("changed:\n%s\n%s", before, after)
				}
			})
		}
	}
}

// detail is the English sentence of a refusal, whose message is Chinese.
func detail(err error) string {
	if pg := new(pgconn.PgError); errors.As(err, &pg) {
		return pg.Detail
	}
	return ""
}

func TestBackToWaitStartsAnew(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	for _, status := range []string{"success", "fail", "unknown", "cancel", "expired"} {
		id := d.insertAs(status, "0")
		d.exec(`UPDATE subMsgList SET sendStatus = 'wait', parameterArr = '{new}' WHERE id = $1`, id)
		got := one[string](d, `SELECT format('%s|%s|%s|%s|%s|%s|%s|%s', attempts, sendStatusMsg, errCode, errKind,
			msgId, sendTime, claimId, parameterArr) FROM subMsgList WHERE id = $1`, id)
		if got != "0|||||||{new}" {
			t.Errorf("from %s: %s", status, got)
		}
	}
}

func TestWaitAgainNeedsTimeLeft(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, expireTime)
		VALUES ('o1', 't', 'expired', now() - interval '1 s')`)
	_, err := d.Exec(t.Context(), `UPDATE subMsgList SET sendStatus = 'wait'`)
	if err == nil || !strings.Contains(err.Error(), "expireTime") {
		t.Errorf("error %v, want one about expireTime", err)
	}
	d.exec(`UPDATE subMsgList SET sendStatus = 'wait', expireTime = now() + interval '1 h'`)
}

// A late answer that says "not sent" finds a row whose time is over: it can't wait any more, and must not be refused.
func TestLateAnswerAfterExpiry(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	c, err := outbox.New(config(d, new(channel)))
	if err != nil {
		t.Fatal(err)
	}
	id := d.insertAs("unknown", "0")
	d.exec(`UPDATE subMsgList SET expireTime = now()`)
	if err := c.Settle(t.Context(), id, one[uuid.UUID](d, `SELECT claimId
		FROM subMsgList`), outbox.Waiting); err != nil || d.status(id) != "expired" {
		t.Errorf("now %s, error %v", d.status(id), err)
	}
}

// A process that was away for long may hold two outcomes of one row: one of a claim that has lapsed, and one of the
// claim that it has now.
func TestTwoOutcomesAtOnce(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	c, err := outbox.New(config(d, new(channel)))
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []int{0, 1} {
		id := d.insertAs("sending", "1 hour")
		claims := []uuid.UUID{uuid.New(), uuid.New()}
		claims[own] = one[uuid.UUID](d, `SELECT claimId FROM subMsgList WHERE id = $1`, id)
		statuses := []outbox.Status{outbox.Succeeded, outbox.Succeeded}
		statuses[own] = outbox.Failed
		err := c.SettleAll(t.Context(), id, claims, statuses...)
		if got := one[string](d, `SELECT sendStatus || ', ' || sendStatusMsg
			FROM subMsgList WHERE id = $1`, id); err != nil || got != "fail, settled as fail" {
			t.Errorf("own outcome at %d: now %s, error %v", own, got, err)
		}
	}
}

// A tool that writes the whole row back, as it read it before the claim, must not undo the claim.
func TestStaleRowWrittenBack(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	for _, status := range []string{"wait", "sending", "fail"} {
		id := d.insertAs("sending", "1 hour")
		_, err := d.Exec(t.Context(), `UPDATE subMsgList SET openid = 'o2', sendStatus = $2,
			claimId = CASE $2 WHEN 'sending' THEN gen_random_uuid() END,
			leaseUntil = CASE $2 WHEN 'sending' THEN now() END WHERE id = $1`, id, status)
		if !strings.Contains(detail(err), "is being sent") {
			t.Errorf("written back as %s: %v", status, err)
		}
	}
}

// What is being sent may be edited; it changes nothing about this send.
func TestEditInMidSend(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	d := newDB(t)
	d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, updateTime)
		VALUES ('o1', 't', '2020-01-01', '2020-01-01')`)
	d.exec(`UPDATE subMsgList SET page = 'p', createTime = now(), updateTime = '2019-01-01'`)
	if got := one[bool](d, `SELECT createTime = '2020-01-01' AND updateTime > now() - interval '1 minute'
		FROM subMsgList`); !got {
		t.Error("createTime changed, or updateTime didn't")
	}
}

func TestRowsThatAreRefused(t *testing.T) {
	t.Parallel()
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
			if err == nil || !strings.Contains(err.Error()+detail(err), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
