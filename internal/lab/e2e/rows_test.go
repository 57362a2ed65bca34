package e2e

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// insertFor is the statement of the README, for the nth person.
func insertFor(n int) string {
	return fmt.Sprintf("INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('%s', 'orderStatus', "+
		"'{生椰拿铁,19.9,已发货,谢谢}');\n", person(n))
}

func (w *world) wantSent(openid string, n int) []fakewechat.Sent {
	w.t.Helper()
	sent := w.sent(openid)
	if len(sent) != n {
		w.t.Errorf("WeChat accepted %d messages for %s, want %d", len(sent), openid, n)
	}
	return sent
}

// insertPeople inserts one message each for the persons 1 to n, in one statement.
func (w *world) insertPeople(n int) {
	w.t.Helper()
	psql(w.t, w.db, fmt.Sprintf("INSERT INTO subMsgList (openid, templateId, parameterArr) SELECT '%s' || "+
		"lpad(g::text, 24, '0'), 'orderStatus', '{生椰拿铁,19.9,已发货,谢谢}' FROM generate_series(1, %d) g;", personMark, n))
}

func (w *world) count(status string) int {
	w.t.Helper()
	return w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus = $1`, status)
}

// person is an openid that the leak check knows. Each test has numbers of its own in a shared world.
func person(n int) string { return fmt.Sprintf("%s%024d", personMark, n) }

// message is a row as an administrator sees it.
type message struct {
	ID       int64
	Status   string
	Text     string
	Code     *int32
	MsgID    *int64
	Attempts int
	Params   []string
	Template string
}

const messageSQL = `
SELECT id, sendStatus, coalesce(sendStatusMsg, ''), errCode, msgId, attempts, parameterArr, templateId FROM subMsgList
WHERE openid = $1 ORDER BY id`

// messages are one person's, in order of insertion.
func (w *world) messages(openid string) []message {
	w.t.Helper()
	rows, _ := w.pool.Query(w.t.Context(), messageSQL, openid) // its error comes from CollectRows
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[message])
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// await waits until a person's last message has a status, and returns it. It fails early when that can't happen any
// more.
func (w *world) await(openid, status string) (m message) {
	w.t.Helper()
	eventually(w.t, openid+" "+status, func() bool {
		all := w.messages(openid)
		if len(all) == 0 {
			return false
		}
		m = all[len(all)-1]
		return m.Status == status
	})
	return m
}

// number is the result of a query that counts.
func (w *world) number(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), query, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// exactlyOnce compares the ledger with the table at rest: each success stands there once, under its msgId, and nothing
// else does but what was sent again by hand.
func (w *world) exactlyOnce(again int) {
	w.t.Helper()
	rows, _ := w.pool.Query(w.t.Context(), `SELECT msgId, openid FROM subMsgList WHERE sendStatus = 'success'`)
	type success struct {
		MsgID  int64
		OpenID string
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[success])
	if err != nil {
		w.t.Fatal(err)
	}
	ledger := map[int64]string{}
	for _, s := range w.sent("") {
		ledger[s.MsgID] = s.OpenID
	}
	if len(ledger) != len(all)+again {
		w.t.Errorf("WeChat accepted %d messages, %d rows say success", len(ledger), len(all))
	}
	for _, s := range all {
		if ledger[s.MsgID] != s.OpenID {
			w.t.Fatalf("msgId %d: a success that WeChat doesn't know", s.MsgID)
		}
		delete(ledger, s.MsgID) // two rows with one msgId are a mistake too
	}
	if n := w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus = 'sending'`); n != 0 {
		w.t.Errorf("%d rows are still being sent", n)
	}
}
