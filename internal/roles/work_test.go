package roles_test

import (
	"context"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
	"github.com/submsg/submsg/outbox"
)

// login makes a login that has a role and nothing else, and returns the URL it connects with.
func (d *db) login(role string) string {
	d.t.Helper()
	name := d.role("login_" + role)
	d.exec("CREATE ROLE " + name + " LOGIN PASSWORD 'secret' IN ROLE " + d.role(role))
	u, err := url.Parse(d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	u.User = url.UserPassword(name, "secret")
	return u.String()
}

// gateway is a Sender that answers by the message's first parameter.
type gateway struct {
	mu    sync.Mutex
	tries map[string]int
	over  bool // the trouble with template "stopped"
}

// anyAccount is the only account of a Sender, which sends any template.
var anyAccount = []outbox.Account{{Name: "default", OnePersonAtATime: true}}

func (g *gateway) Accounts() []outbox.Account { return anyAccount }

func (g *gateway) Ready(context.Context, string) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted}
}

func (g *gateway) Send(_ context.Context, m outbox.Claimed) outbox.Verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	what := m.Params[0]
	g.tries[what]++
	code := int32(43101)
	switch {
	case what == "refused":
		return outbox.Verdict{Outcome: outbox.Refused, Code: &code, Text: "user refuses"}
	case what == "later" && g.tries[what] == 1:
		return outbox.Verdict{Outcome: outbox.Later, Text: "busy", After: time.Millisecond}
	case what == "unknown":
		return outbox.Verdict{Outcome: outbox.Unknown, Text: "cut off"}
	case what == "stopped" && !g.over:
		return outbox.Verdict{Outcome: outbox.Halt, Code: &code, Text: "template is banned",
			Stops: []string{m.TemplateID}}
	}
	return outbox.Verdict{Outcome: outbox.Accepted, Text: "ok", MsgID: 1<<60 + m.ID}
}

// serve runs a consumer as the login, until the test ends. What it logs as an error fails the test: it tries again
// whatever the database refuses, so a missing right would show as slowness only.
func (d *db) serve(login string, g *gateway) {
	d.t.Helper()
	pool, err := pgxpool.New(d.t.Context(), login)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := migrations.Check(d.t.Context(), pool); err != nil {
		d.t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.AddHook(complaints{d.t})
	c, err := outbox.New(outbox.Config{Pool: pool, ListenURL: login, Sender: g, Log: logrus.NewEntry(log),
		Poll: time.Hour, SendTimeout: 5 * time.Second, Lease: 8 * time.Second, ProbeEvery: 20 * time.Millisecond})
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	d.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
		pool.Close()
	})
	d.eventually("listening", c.Listening)
}

type complaints struct{ t *testing.T }

func (complaints) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel, logrus.WarnLevel} }

func (c complaints) Fire(e *logrus.Entry) error {
	if e.Level == logrus.ErrorLevel || strings.Contains(e.Message, denied) {
		c.t.Errorf("logged: %s", e.Message)
	}
	return nil
}

// eventually waits; the limit is for slow machines.
func (d *db) eventually(what string, ok func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("still not: %s", what)
		}
	}
}

func (d *db) becomes(id int64, status string) {
	d.t.Helper()
	got := ""
	d.eventually("message is "+status, func() bool {
		got = one[string](d, `SELECT sendStatus FROM subMsgList WHERE id = $1`, id)
		return got == status
	})
}

// An application, submsg and an administrator at work, each as a login with its role only.
func TestEverybodyAtWork(t *testing.T) {
	d := newDB(t)
	g := &gateway{tries: map[string]int{}}
	// Left by a process that died.
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil, attempts) VALUES ('dead', 't', 'sending', gen_random_uuid(), now() - interval '1 s', 1)`)
	d.exec(`INSERT INTO subMsgClaim SELECT claimId, leaseUntil, ARRAY[id] FROM subMsgList`)
	d.serve(d.login("worker"), g)
	shop, person := pgtest.Connect(t, d.login("app")), pgtest.Connect(t, d.login("admin"))
	insert := func(m outbox.Message) (id int64) {
		t.Helper()
		if err := pgx.BeginFunc(t.Context(), shop, func(tx pgx.Tx) error {
			ids, err := outbox.Insert(t.Context(), tx, m)
			if err == nil {
				id = ids[0]
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	byHand := func(sql string, id int64) {
		t.Helper()
		if _, err := person.Exec(t.Context(), sql, id); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	d.becomes(1, "unknown")

	for what, status := range map[string]string{
		"plain": "success", "refused": "fail", "later": "success", "unknown": "unknown",
	} {
		d.becomes(insert(outbox.Message{OpenID: what, TemplateID: "t", Params: []string{what}, DedupKey: what}), status)
	}
	again := insert(outbox.Message{OpenID: "o", TemplateID: "t", Params: []string{"plain"}, DedupKey: "plain"})
	if again != 0 {
		t.Errorf("a second message of one dedupKey: %d", again)
	}
	var soon time.Time
	if err := shop.QueryRow(t.Context(), `SELECT now() + interval '50 ms'`).Scan(&soon); err != nil {
		t.Fatal(err)
	}
	d.becomes(insert(outbox.Message{OpenID: "x", TemplateID: "t", Params: []string{"x"},
		SendAfter: soon.Add(time.Hour), ExpireTime: soon}), "expired")

	stopped := insert(outbox.Message{OpenID: "s", TemplateID: "banned", Params: []string{"stopped"}})
	d.eventually("the template is paused, and probed", func() bool { return one[int](d, `SELECT coalesce(sum(probes), 0)::int FROM subMsgPause`) > 0 })
	g.mu.Lock()
	g.over = true
	g.mu.Unlock()
	d.becomes(stopped, "success")
	d.eventually("the pause is over", func() bool { return one[int](d, `SELECT count(*)::int FROM subMsgPause`) == 0 })

	byHand(`UPDATE subMsgList SET parameterArr = '{now}', sendStatus = 'wait' WHERE id = $1`, 1)
	d.becomes(1, "success")
	if n := one[int](d, `SELECT attempts FROM subMsgList WHERE id = 1`); n != 1 {
		t.Errorf("%d attempts after the guard reset them: it sets what the administrator may not", n)
	}
	byHand(`DELETE FROM subMsgList WHERE id = $1`, 1)
}

// A pause that a person lifts wakes the worker, an open transaction of the application is waited for.
func TestLiftByHand(t *testing.T) {
	d := newDB(t)
	g := &gateway{tries: map[string]int{}, over: true}
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('banned', 'by hand', now() + interval '1 day')`)
	d.serve(d.login("worker"), g)
	shop, person := pgtest.Connect(t, d.login("app")), pgtest.Connect(t, d.login("admin"))
	tx, err := shop.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids, err := outbox.Insert(t.Context(), tx,
		outbox.Message{OpenID: "o", TemplateID: "banned", Params: []string{"stopped"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := pgtest.Connect(t, d.login("readonly"))
	var writers int
	// The shop's alone: the worker's own claims are writers, too.
	const writersSQL = `SELECT count(virtualtransaction)::int FROM pg_locks
		WHERE relation = 'subMsgList'::regclass AND mode = 'RowExclusiveLock' AND pid = $1`
	if err := seen.QueryRow(t.Context(), writersSQL, shop.PgConn().PID()).Scan(&writers); err != nil || writers != 1 {
		t.Errorf("another role sees %d writers of the shop, %v", writers, err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := person.Exec(t.Context(), `DELETE FROM subMsgPause`); err != nil {
		t.Fatal(err)
	}
	d.becomes(ids[0], "success")
}

// Whoever may update the business table notifies by it, with no right to the messages; who may not gets the ordinary
// error.
func TestRuleForARoleWithoutMessages(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1, 2);
		CREATE ROLE @clerk; GRANT UPDATE (isSendMsg) ON orders TO @clerk; CREATE ROLE @nobody`)
	g := &gateway{tries: map[string]int{}}
	d.serve(d.login("worker"), g)
	if err := d.as("nobody", `UPDATE orders SET isSendMsg = true`); code(err) != denied || !strings.Contains(err.Error(), "orders") {
		t.Errorf("nobody: %v", err)
	}
	if err := d.as("clerk", `INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`); code(err) != denied {
		t.Errorf("the clerk inserts: %v", err)
	}
	d.exec(`SET ROLE @clerk`)
	d.exec(`UPDATE orders SET isSendMsg = true`)
	d.exec(`RESET ROLE`)
	d.becomes(one[int64](d, `SELECT id FROM subMsgList`), "success")
}
