package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// The people of this test beside those of insertPeople.
const (
	called = 960_000 + iota
	mistaken
	late
	lost
	dying
	stopped
	tomorrow
	buyer
	newcomer
	after
	stillStopped
)

// crowd is how many messages go out around the moment of the copy.
const crowd = 300

// A database is copied while messages go out, as a backup and as a staging database are; the original sends the rest.
// In the copy nothing is sent by itself, until a person has seen to it; and nobody gets anything twice.
func TestCopyOfALiveDatabase(t *testing.T) {
	t.Parallel()
	copies := map[string]func(*world) (restore func() string){"by template": (*world).copiedByTemplate}
	if pgDump(t) != "" { // some packages of Postgres have the server only
		copies["by dump"] = func(w *world) func() string { return w.dumped(pgtest.Empty(w.t)) }
		copies["in place"] = func(w *world) func() string { return w.dumped(w.db, "--clean", "--if-exists") }
	}
	for name, copied := range copies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWithOrders(t, "--grant-all", "--latency=50ms", "--quiet")
			times := []string{"SUBMSG_SENDERS=4", "SUBMSG_SEND_TIMEOUT=6s", "SUBMSG_LEASE=9s",
				"SUBMSG_HTTP_ADDR=127.0.0.1:0"}
			original := w.serve(times...)
			w.everyStatus()
			w.insertPeople(crowd)
			eventually(t, "in the middle of it", func() bool { return w.count("success") >= 20 })
			psql(t, w.db, abandoned(dying, "5 s")) // at the moment of a copy the others may all be between two messages
			restore := copied(w)
			eventually(t, "the original sends the rest",
				func() bool { return w.count("success") == crowd && w.count("sending") == 0 })
			original.signal(os.Interrupt)
			original.exit()
			w.exactlyOnce(0)
			failed := w.text(`SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`)

			w.pool.Close()
			r := *w
			r.db = restore()
			r.connect()
			r.wantEveryStatus()
			r.tablesAlone(times)
			p := r.serve(times...)
			r.waitsForAPerson(p)
			r.letGo(failed)
			r.wantOnce()
			p.signal(os.Interrupt)
			p.exit()
			again := r.serve(times...)
			psql(t, r.db, insertFor(after))
			r.await(person(after), "success")
			if again.count("is a copy") > 0 {
				t.Error("the copy is noticed a second time")
			}
		})
	}
}

// everyStatus leaves a message of each status but those that the crowd has, an order for the rule, and a template
// paused.
func (w *world) everyStatus() {
	w.t.Helper()
	insert := func(n int, template, params, columns, values string) string {
		return fmt.Sprintf("INSERT INTO subMsgList (openid, templateId, parameterArr%s) VALUES ('%s', '%s', '%s'%s);\n",
			columns, person(n), template, params, values)
	}
	const good = "{生椰拿铁,19.9,已发货,谢谢}"
	psql(w.t, w.db, "INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('seasonal', 'by hand', "+
		"'infinity');\n"+
		insert(called, "orderStatus", good, ", sendAfter", ", now() + interval '1 day'")+
		"UPDATE subMsgList SET sendStatus = 'cancel';\n"+
		insert(mistaken, "orderStatus", "{生椰拿铁,十九,已发货,谢谢}", "", "")+
		insert(late, "orderStatus", good, ", expireTime", ", now() - interval '1 s'")+
		abandoned(lost, "0 s")+
		insert(stopped, "seasonal", "{}", "", "")+
		insert(tomorrow, "orderStatus", good, ", sendAfter", ", now() + interval '1 day'")+
		fmt.Sprintf("INSERT INTO orders (openid, name, cardNumber, payMoney, balance, remark) VALUES ('%s', '张三', "+
			"'VIP1', 1, 2, '谢谢');\n", person(buyer)))
	w.await(person(mistaken), "fail")
	w.await(person(late), "expired")
	w.await(person(lost), "unknown")
}

func (w *world) wantEveryStatus() {
	w.t.Helper()
	for _, status := range []string{"wait", "sending", "success", "fail", "unknown", "cancel", "expired"} {
		if w.count(status) == 0 {
			w.t.Errorf("the copy has no message of status %s", status)
		}
	}
	if waits := w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait' AND dueAt <= now()`); waits < 10 {
		w.t.Errorf("only %d messages of the copy would be sent again", waits)
	}
}

// waitsForAPerson checks what a serve does in the copy, and that everybody who asks is told.
func (w *world) waitsForAPerson(p *process) {
	w.t.Helper()
	p.says(`level=warning msg="this database is a copy`)
	before, sending := len(w.sent("")), w.count("sending")
	psql(w.t, w.db, insertFor(newcomer))
	eventually(w.t, "what was being sent is unknown", func() bool { return w.count("sending") == 0 })
	w.lookAgain()
	if n := len(w.sent("")); n != before {
		w.t.Errorf("%d messages sent in the copy, %d were being sent", n-before, sending)
	}
	for args, words := range map[string]string{
		"status": "paused until a person lifts it",
		"doctor": "fail    pauses         nothing is sent: 本数据库是副本",
		"show " + fmt.Sprint(w.messages(person(newcomer))[0].ID): "is paused until a person lifts it",
	} {
		if _, out, errs := w.run(strings.Fields(args)...); !strings.Contains(out, words) ||
			!strings.Contains(out, "副本") {
			w.t.Errorf("submsg %s doesn't say %q:\n%s%s", args, words, out, errs)
		}
	}
	if c := p.unready("pause"); !strings.Contains(c.Says, "a copy, or restored from a backup") {
		w.t.Errorf("%+v", c)
	}
	eventually(w.t, "the metrics show it", func() bool {
		_, body := p.page("/metrics")
		return strings.Contains(body, `submsg_template_paused{template="*"} 1`)
	})
	if got := psql(w.t, w.db, "SELECT templateId, nextProbe FROM subMsgPaused;\nSELECT value, state FROM subMsgHealth "+
		"WHERE name = 'paused';\n"); got != "*|infinity\nseasonal|infinity\n2|warn\n" {
		w.t.Errorf("the views say %s", got)
	}
}

// lookAgain waits until serve has gone through another round: it has swept what this leaves behind.
func (w *world) lookAgain() {
	w.t.Helper()
	psql(w.t, w.db, abandoned(lost, "0 s"))
	w.await(person(lost), "unknown")
}

// abandoned is a message whose sender died in the middle of it, and its lease lasts for so long yet.
func abandoned(n int, lease string) string {
	return fmt.Sprintf("WITH m AS (INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil) "+
		"VALUES ('%s', 'orderStatus', 'sending', gen_random_uuid(), clock_timestamp() + '%s') RETURNING *) "+
		"INSERT INTO subMsgClaim SELECT claimId, leaseUntil, ARRAY[id] FROM m;\n", person(n), lease)
}

// letGo does what the documents say: what was due when the original failed is called off, the rest may go.
func (w *world) letGo(failed string) {
	w.t.Helper()
	if _, out, errs := w.run("list", "--status=wait", "--due-before="+failed); !strings.Contains(out, "wait") {
		w.t.Errorf("no message is listed:\n%s%s", out, errs)
	}
	if code, out, errs := w.run("cancel", "--status=wait", "--due-before="+failed, "--yes"); code != command.ExitOK ||
		!strings.Contains(out, "messages called off: ") {
		w.t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	if got := w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait'`); got != 2 {
		w.t.Errorf("%d messages are left, want tomorrow's and the new one", got)
	}
	psql(w.t, w.db, "DELETE FROM subMsgPause WHERE templateId = '*';\n")
	w.await(person(newcomer), "success")
	psql(w.t, w.db, fmt.Sprintf("UPDATE orders SET isSendMsg = true;\nINSERT INTO subMsgList (openid, templateId) "+
		"VALUES ('%s', 'seasonal');\n", person(stillStopped)))
	w.await(person(buyer), "success")
	w.lookAgain()
	if m := w.await(person(stillStopped), "wait"); m.Attempts != 0 {
		w.t.Errorf("a paused template's message: %+v", m)
	}
}

// wantOnce looks into the fake's ledger: the original, the copy and what came of its tables alone have sent nothing to
// anybody twice.
func (w *world) wantOnce() {
	w.t.Helper()
	got := map[string]int{}
	for _, s := range w.sent("") {
		got[s.OpenID]++
	}
	for openid, n := range got {
		if n != 1 {
			w.t.Errorf("%s got %d messages", terminal.ShortOpenID(openid), n)
		}
	}
	if len(got) != crowd+2 {
		w.t.Errorf("%d people got a message, want the crowd, the newcomer and the buyer", len(got))
	}
}

// tablesAlone restores the rows of messages, without those of claims, into a new schema; serve loses none of them.
func (w *world) tablesAlone(env []string) {
	w.t.Helper()
	one := *w
	one.db = pgtest.DB(w.t)
	one.connect()
	for _, table := range []string{"subMsgOrigin", "subMsgList"} {
		var rows bytes.Buffer
		w.on(w.db, func(c *pgx.Conn) error {
			_, err := c.PgConn().CopyTo(w.t.Context(), &rows, "COPY "+table+" TO STDOUT")
			return err
		})
		w.on(one.db, func(c *pgx.Conn) error {
			_, err := c.PgConn().CopyFrom(w.t.Context(), &rows, "COPY "+table+" FROM STDIN")
			return err
		})
	}
	psql(w.t, one.db, "SELECT setval(pg_get_serial_sequence('subMsgList', 'id'), (SELECT max(id) FROM subMsgList));")
	before, waits := len(w.sent("")), w.count("wait")
	p := one.serve(env...)
	eventually(w.t, "what was being sent is unknown", func() bool { return one.count("sending") == 0 })
	one.lookAgain()
	if n := len(w.sent("")); n != before || one.count("wait") != waits {
		w.t.Errorf("of the table alone %d were sent, %d wait, want 0 and %d", n-before, one.count("wait"), waits)
	}
	p.finish()
}
