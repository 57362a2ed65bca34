package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an application developer or an administrator does with psql, and what the row says then. All of it goes on in
// one database at a time, with persons of its own for each case.
func TestPlainSQL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	w.serve()
	t.Run("cases", func(t *testing.T) {
		for i, c := range []struct {
			name string
			test func(t *testing.T, w *world, n int)
		}{
			{"insert in any case", insertInAnyCase},
			{"10,000 rows in one statement", insertMany},
			{"copy", copyRows},
			{"a transaction that stays open", openTransaction},
			{"repeatable read", repeatableRead},
			{"a rolled-back savepoint", rolledBackSavepoint},
			{"fix and send again", fixAndSendAgain},
			{"cancel", cancelMessage},
			{"schedule", scheduleMessage},
			{"expire", expireMessage},
			{"dedupKey", dedupKey},
			{"page", ownPage},
			{"hands off while it is sent", handsOff},
			{"a transaction that rolls back", rolledBack},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				here := *w
				here.t = t
				c.test(t, &here, (i+1)*100_000)
			})
		}
	})
	w.exactlyOnce(1) // fixAndSendAgain sends one message twice
}

func insertInAnyCase(t *testing.T, w *world, n int) {
	for i, statement := range []string{
		`INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('%s', 'orderStatus', ARRAY['生椰拿铁','19.9','已发货','谢谢']);`,
		`insert into submsglist (openid, templateid, parameterarr) values ('%s', 'orderStatus', '{生椰拿铁,19.9,已发货,谢谢}');`,
		`INSERT INTO SUBMSGLIST (OPENID, TEMPLATEID, PARAMETERARR) VALUES ('%s', 'zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc', '{"生椰拿铁","19.9","已发货","谢谢"}');`,
		`INSERT INTO "submsglist" ("openid", "templateid", "parameterarr") VALUES ('%s', 'orderStatus', '{生椰拿铁,19.9,已发货,谢谢}');`,
	} {
		openid := person(n + i)
		psql(t, w.db, fmt.Sprintf(statement, openid))
		m := w.await(openid, "success")
		if got := psql(t, w.db, fmt.Sprintf("SELECT SENDSTATUS, msgid = %d, attempts, errCode, sendTime >= createTime "+
			"FROM SubMsgList WHERE openid = '%s';", *m.MsgID, openid)); got != "success|t|1|0|t\n" {
			t.Errorf("the row says %q", got)
		}
		w.wantSent(openid, 1)
	}
}

func insertMany(t *testing.T, w *world, _ int) {
	const rows = 10_000
	psql(t, w.db, fmt.Sprintf("INSERT INTO subMsgList (openid, templateId, parameterArr) SELECT '%s9' || "+
		"lpad(g::text, 23, '0'), 'orderStatus', '{生椰拿铁,19.9,已发货,谢谢}' FROM generate_series(1, %d) g;", personMark, rows))
	// Counting reads the whole table, so it waits until the index shows that few can be left.
	eventually(t, "few are waiting", func() bool {
		return w.number(`SELECT count(*) FROM (SELECT FROM subMsgList WHERE dueAt <= now() LIMIT 100) AS first`) < 100
	})
	eventually(t, "all are sent", func() bool {
		return w.number(`SELECT count(*) FROM subMsgList WHERE openid LIKE $1 AND sendStatus = 'success'`, personMark+"9%") == rows
	})
}

func copyRows(t *testing.T, w *world, n int) {
	var rows strings.Builder
	for i := range 50 {
		fmt.Fprintf(&rows, "%s\torderStatus\t{生椰拿铁,19.9,已发货,\"备注 %d, 谢谢\"}\n", person(n+i), i)
	}
	file := filepath.Join(t.TempDir(), "rows.tsv")
	if err := os.WriteFile(file, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	psql(t, w.db, `\copy subMsgList (openid, templateId, parameterArr) from '`+file+"'\n")
	for i := range 50 {
		w.await(person(n+i), "success")
	}
	if got := w.wantSent(person(n+7), 1)[0].Data["thing5"]; got != "备注 7, 谢谢" {
		t.Errorf("sent %q", got)
	}
}

// The transaction inserts, stays open while others' messages go out, and commits.
func openTransaction(t *testing.T, w *world, n int) {
	psql(t, w.db, "BEGIN;\n"+insertFor(n)+"SELECT pg_sleep(1.5);\n"+insertFor(n+1)+"COMMIT;\n")
	w.await(person(n), "success")
	w.await(person(n+1), "success")
}

func repeatableRead(t *testing.T, w *world, n int) {
	for i, level := range []string{"REPEATABLE READ", "SERIALIZABLE"} {
		psql(t, w.db, "BEGIN ISOLATION LEVEL "+level+";\nSELECT count(*) FROM subMsgList;\nSELECT pg_sleep(0.5);\n"+
			insertFor(n+i)+"COMMIT;\n")
		w.await(person(n+i), "success")
	}
}

func rolledBackSavepoint(t *testing.T, w *world, n int) {
	psql(t, w.db, "BEGIN;\n"+insertFor(n)+"SAVEPOINT before;\n"+insertFor(n+1)+"ROLLBACK TO before;\n"+insertFor(n+2)+
		"COMMIT;\n")
	w.await(person(n), "success")
	w.await(person(n+2), "success")
	w.wantSent(person(n+1), 0)
}

func rolledBack(t *testing.T, w *world, n int) {
	psql(t, w.db, "BEGIN;\n"+insertFor(n)+"ROLLBACK;\n"+insertFor(n+1))
	w.await(person(n+1), "success")
	w.wantSent(person(n), 0)
}

func fixAndSendAgain(t *testing.T, w *world, n int) {
	openid := person(n)
	psql(t, w.db, strings.Replace(insertFor(n), "19.9", "十九块九", 1))
	m := w.await(openid, "fail")
	if !strings.Contains(m.Text, "parameter 2 (goodsPrice)") || m.Code != nil {
		t.Errorf("fail says %q, errCode %v", m.Text, m.Code)
	}
	psql(t, w.db, "UPDATE subMsgList SET parameterArr[2] = '19.9', sendStatus = 'wait' WHERE openid = '"+openid+"';")
	if m = w.await(openid, "success"); m.Attempts != 1 {
		t.Errorf("%d attempts: sending again begins anew", m.Attempts)
	}
	first := *m.MsgID
	psql(t, w.db, "UPDATE subMsgList SET sendStatus = 'wait' WHERE openid = '"+openid+"';") // a success, sent again
	eventually(t, "sent again", func() bool { m = w.messages(openid)[0]; return m.MsgID != nil && *m.MsgID != first })
	if sent := w.wantSent(openid, 2); len(sent) == 2 && sent[1].MsgID != *m.MsgID {
		t.Errorf("msgId %d, WeChat gave %d", *m.MsgID, sent[1].MsgID)
	}
}

func cancelMessage(t *testing.T, w *world, n int) {
	openid := person(n)
	psql(t, w.db, insertFor(n+1)+"INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter) VALUES ('"+
		openid+"', 'orderStatus', '{a,1,b,c}', now() + interval '3 seconds');\n"+
		"UPDATE subMsgList SET sendStatus = 'cancel' WHERE openid = '"+openid+"';\n"+
		"INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter) VALUES ('"+person(n+2)+
		"', 'orderStatus', '{a,1,b,c}', now() + interval '3.5 seconds');\n")
	w.await(person(n+2), "success") // due after the cancelled one
	if m := w.messages(openid)[0]; m.Status != "cancel" || m.Attempts != 0 {
		t.Errorf("cancelled, and the row says %s after %d attempts", m.Status, m.Attempts)
	}
	w.wantSent(openid, 0)
	psql(t, w.db, "UPDATE subMsgList SET sendStatus = 'wait' WHERE openid = '"+openid+"';") // thought better of it
	w.await(openid, "success")
	w.wantSent(openid, 1)
}

func scheduleMessage(t *testing.T, w *world, n int) {
	openid := person(n)
	psql(t, w.db, "INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter) VALUES ('"+openid+
		"', 'orderStatus', '{a,1,b,c}', now() + interval '2 seconds');")
	w.await(openid, "success")
	if n := w.number(`SELECT count(*) FROM subMsgList WHERE openid = $1 AND sendTime < sendAfter`, openid); n != 0 {
		t.Error("sent before its time")
	}
	// Far away, then brought forward by hand.
	psql(t, w.db, "INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter) VALUES ('"+person(n+1)+
		"', 'orderStatus', '{a,1,b,c}', '2100-01-01');\n"+
		"UPDATE subMsgList SET sendAfter = now() WHERE openid = '"+person(n+1)+"';\n")
	w.await(person(n+1), "success")
}

func expireMessage(t *testing.T, w *world, n int) {
	openid := person(n)
	psql(t, w.db, "INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter, expireTime) VALUES ('"+openid+
		"', 'orderStatus', '{a,1,b,c}', now() + interval '1 hour', now() + interval '1 second');")
	if m := w.await(openid, "expired"); m.Text == "" {
		t.Error("expired without a word")
	}
	_, err := tryPsql(t, w.db, "UPDATE subMsgList SET sendStatus = 'wait', sendAfter = now() WHERE openid = '"+openid+
		"';")
	if err == nil || !strings.Contains(err.Error(), "expireTime") {
		t.Errorf("waiting past its expireTime: %v", err)
	}
	w.wantSent(openid, 0)
	psql(t, w.db, "UPDATE subMsgList SET sendStatus = 'wait', sendAfter = now(), expireTime = NULL WHERE openid = '"+
		openid+"';")
	w.await(openid, "success")
}

func dedupKey(t *testing.T, w *world, n int) {
	openid := person(n)
	insert := "INSERT INTO subMsgList (openid, templateId, parameterArr, dedupKey) VALUES ('" + openid +
		"', 'orderStatus', '{a,1,b,c}', 'order 42 shipped')"
	psql(t, w.db, strings.Repeat(insert+" ON CONFLICT DO NOTHING;\n", 3))
	w.await(openid, "success")
	if _, err := tryPsql(t, w.db, insert+";"); err == nil {
		t.Error("the same dedupKey twice")
	}
	w.wantSent(openid, 1)
}

func ownPage(t *testing.T, w *world, n int) {
	psql(t, w.db, "INSERT INTO subMsgList (openid, templateId, parameterArr, page) VALUES ('"+person(n)+
		"', 'orderStatus', '{a,1,b,c}', 'pages/order?id=42&from=订阅');")
	w.await(person(n), "success")
	if sent := w.wantSent(person(n), 1); len(sent) == 1 && sent[0].Page != "pages/order?id=42&from=订阅" {
		t.Errorf("page %q", sent[0].Page)
	}
}

// handsOff: while a request may be on the wire, the status is submsg's; the content may be edited and isn't sent.
func handsOff(t *testing.T, w *world, n int) {
	openid := person(n)
	w.post("/_fake/faults", `{"kind":"latency","delay":"4s","openid":"`+openid+`"}`, nil)
	psql(t, w.db, insertFor(n))
	w.await(openid, "sending")
	_, err := tryPsql(t, w.db, "UPDATE subMsgList SET sendStatus = 'cancel' WHERE openid = '"+openid+"';")
	if err == nil || !strings.Contains(err.Error(), "is being sent, until") {
		t.Errorf("cancelled in mid-send: %v", err)
	}
	psql(t, w.db, "UPDATE subMsgList SET parameterArr[1] = '拿铁' WHERE openid = '"+openid+"';")
	w.await(openid, "success")
	if sent := w.wantSent(openid, 1); len(sent) == 1 && sent[0].Data["thing2"] != "生椰拿铁" {
		t.Errorf("sent %q", sent[0].Data["thing2"])
	}
}
