//go:build faults

package faults

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// edits are what the monkey does, and how often each.
var edits = []struct {
	name  string
	share int
	do    func(*monkey, row)
}{
	{"status", 40, func(m *monkey, r row) { m.mean(m.setStatus(m.client, r, statuses[m.dice.IntN(len(statuses))], "")) }},
	{"misspelt status", 3, func(m *monkey, r row) { m.mean(m.setStatus(m.client, r, "Wait", "")) }},
	{"content", 10, (*monkey).content},
	{"schedule", 8, (*monkey).schedule},
	{"remember", 8, func(m *monkey, r row) { m.stale = append(m.stale, r) }},
	{"write back", 10, (*monkey).writeBack},
	{"delete", 3, (*monkey).delete},
	{"hold", 5, (*monkey).hold},
	{"pause", 1, (*monkey).pause},
}

// Without a row to act on, and rarely.
const (
	truncateEvery = 3000
	lockEvery     = 300
	disarmEvery   = 100
)

// step does one thing.
func (m *monkey) step() {
	m.release(false)
	switch {
	case m.dice.IntN(truncateEvery) == 0:
		m.truncate()
	case m.dice.IntN(lockEvery) == 0:
		mode := []string{"SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}[m.dice.IntN(3)]
		m.try(fmt.Sprintf(`BEGIN; LOCK TABLE subMsgList IN %s MODE; SELECT pg_sleep(%f); COMMIT`, mode, m.dice.Float64()/10))
		total.inject("table locked by a person", 1)
	case !m.guards && (m.disarmed == 0 || m.dice.IntN(disarmEvery) == 0):
		m.disarm()
	}
	r, ok := m.pick()
	if !ok {
		return
	}
	sum := 0
	for _, e := range edits {
		sum += e.share
	}
	n := m.dice.IntN(sum)
	for _, e := range edits {
		if n -= e.share; n < 0 {
			e.do(m, r)
			return
		}
	}
}

func (m *monkey) mean(meaning func()) {
	if meaning != nil {
		meaning()
	}
}

// try runs statements that only a lock may refuse.
func (m *monkey) try(sql string, args ...any) bool {
	m.l.t.Helper()
	_, err := m.client.Exec(context.Background(), sql, args...)
	if err != nil && !locked(err) {
		m.l.t.Errorf("%s: %v", sql, err)
	}
	if m.client.PgConn().TxStatus() != 'I' {
		m.exec(`ROLLBACK`)
	}
	return err == nil
}

// content changes the message's words, sometimes so that it can't be rendered.
func (m *monkey) content(r row) {
	words := fmt.Sprintf("第%d杯", m.dice.IntN(1000))
	m.asked[r.openid].words[words] = true
	m.try(`UPDATE subMsgList SET page = $4,
			parameterArr = CASE WHEN $3 THEN ARRAY[$2::text] ELSE ARRAY[$2, '1', 'x', 'y'] END
		WHERE id = $1 AND openid = $5`,
		r.id, words, m.dice.IntN(5) == 0, []any{nil, "pages/a"}[m.dice.IntN(2)], r.openid)
	total.inject("content edited by hand", 1)
}

// schedule changes when it may be sent.
func (m *monkey) schedule(r row) {
	m.try(`UPDATE subMsgList SET sendAfter = now() + $2 * interval '1 ms', expireTime = now() + $3 * interval '1 ms'
		WHERE id = $1 AND openid = $4`,
		r.id, m.dice.IntN(1000)-200, []any{nil, -10, 1, 100, 100000}[m.dice.IntN(5)], r.openid)
	total.inject("schedule edited by hand", 1)
}

// writeBack writes a whole row as it was read some time ago, as table editors do.
func (m *monkey) writeBack(row) {
	if len(m.stale) == 0 {
		return
	}
	i := m.dice.IntN(len(m.stale))
	old := m.stale[i]
	m.stale = append(m.stale[:i], m.stale[i+1:]...)
	now := old
	const readSQL = `SELECT sendStatus, to_jsonb(m)::text FROM subMsgList m WHERE id = $1 AND openid = $2`
	err := m.client.QueryRow(context.Background(), readSQL, old.id, old.openid).Scan(&now.status, &now.whole)
	if err != nil {
		return // deleted
	}
	const columns = `(openid, templateId, parameterArr, sendStatusMsg, errCode, sendTime, createTime, updateTime,
		sendAfter, expireTime, page, dedupKey, attempts, msgId, claimId, leaseUntil)`
	m.mean(m.setStatus(m.client, now, old.status,
		`, `+columns+` = (SELECT `+strings.Trim(columns, "()")+` FROM jsonb_populate_record(NULL::subMsgList, $5::jsonb))`,
		old.whole))
	total.inject("stale row written back", 1)
}

func (m *monkey) delete(r row) {
	tag, err := m.client.Exec(context.Background(), `DELETE FROM subMsgList WHERE id = $1 AND openid = $2`, r.id, r.openid)
	if err != nil && !locked(err) {
		m.l.t.Fatal(err)
	}
	if tag.RowsAffected() == 1 {
		m.asked[r.openid].gone = true
		total.inject("row deleted", 1)
	}
}

// truncate empties the table; ids begin anew, so that answers on their way meet strangers under their ids.
func (m *monkey) truncate() {
	if !m.try(`TRUNCATE subMsgList RESTART IDENTITY`) {
		return
	}
	for _, q := range m.asked {
		q.gone = true
	}
	m.insert()
	total.inject("table truncated", 1)
}

// disarm switches the triggers off or on, for all or for this session; the first time off.
func (m *monkey) disarm() {
	m.disarmed++
	m.try([]string{
		`ALTER TABLE subMsgList DISABLE TRIGGER USER`,
		`ALTER TABLE subMsgList ENABLE TRIGGER USER`,
		`SET session_replication_role = replica`,
		`SET session_replication_role = DEFAULT`,
	}[m.dice.IntN(4)*min(m.disarmed-1, 1)])
	total.inject("triggers disabled or enabled", 1)
}

// pause stops everything or lifts whatever is paused.
func (m *monkey) pause(row) {
	m.try([]string{
		`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', 'by hand', now()) ON CONFLICT DO NOTHING`,
		`DELETE FROM subMsgPause`,
	}[m.dice.IntN(2)])
}

// hold locks some rows, or edits one, in a transaction that stays open for a while.
func (m *monkey) hold(r row) {
	if m.held != nil {
		return
	}
	ctx := context.Background()
	tx, err := m.other.Begin(ctx)
	if err != nil {
		m.l.t.Fatal(err)
	}
	var meaning func()
	if m.dice.IntN(2) == 0 {
		meaning = m.setStatus(tx, r, statuses[m.dice.IntN(len(statuses))], "")
	} else {
		_, err := tx.Exec(ctx, `SELECT FROM subMsgList ORDER BY id DESC LIMIT 20 FOR UPDATE`)
		if err != nil && !locked(err) {
			m.l.t.Fatal(err)
		}
	}
	m.held = &held{tx: tx, steps: 1 + m.dice.IntN(30), commit: meaning}
	total.inject("rows locked by a person", 1)
}

// release ends the open transaction when its time has come.
func (m *monkey) release(now bool) {
	if m.held == nil {
		return
	}
	if m.held.steps--; m.held.steps > 0 && !now {
		return
	}
	h := m.held
	m.held = nil
	if m.dice.IntN(3) == 0 {
		h.commit = nil
		if err := h.tx.Rollback(context.Background()); err != nil {
			m.l.t.Fatal(err)
		}
		return
	}
	if err := h.tx.Commit(context.Background()); err != nil && err != pgx.ErrTxCommitRollback {
		m.l.t.Fatal(err)
	} else if err == nil {
		m.mean(h.commit)
	}
}

// finish puts all back in order: what waits may go now, and the triggers work.
func (m *monkey) finish() {
	m.release(true)
	m.exec(`SET lock_timeout = '10s'`) // replicas are still at work
	m.exec(`SET session_replication_role = DEFAULT; ALTER TABLE subMsgList ENABLE TRIGGER USER; DELETE FROM subMsgPause`)
	m.exec(`UPDATE subMsgList SET sendAfter = now() WHERE sendStatus = 'wait'`)
}

// check compares what WeChat took, and what the rows say, with what people asked for.
func (m *monkey) check(mostUnknown int) {
	m.l.t.Helper()
	type sent struct {
		times []time.Time
		ids   map[int64]bool
	}
	taken := make(map[string]*sent)
	o := outcome{messages: len(m.asked)}
	for _, s := range m.l.wechat.Sent() {
		o.accepted++
		if taken[s.OpenID] == nil {
			taken[s.OpenID] = &sent{ids: make(map[int64]bool)}
		}
		taken[s.OpenID].times = append(taken[s.OpenID].times, s.Time)
		taken[s.OpenID].ids[s.MsgID] = true
		if !m.asked[s.OpenID].words[s.Data["thing2"]] {
			m.l.t.Errorf("%q was sent, which nobody wrote into that row", s.Data["thing2"])
		}
	}
	for openid, q := range m.asked {
		n := taken[openid]
		if n == nil {
			n = new(sent)
		}
		if len(n.times) > q.sends {
			o.duplicated++
			m.l.t.Logf("message %s was asked for %d times and taken %d times", openid[len(openidPrefix):], q.sends,
				len(n.times))
		}
		if q.gone {
			continue
		}
		var status string
		var msgID int64
		const readSQL = `SELECT sendStatus, coalesce(msgId, 0) FROM subMsgList WHERE openid = $1`
		err := m.l.admin.QueryRow(context.Background(), readSQL, openid).Scan(&status, &msgID)
		switch {
		case err != nil:
			o.lost++
		case status == "wait" || status == "sending":
			o.stuck++
		case status == "unknown":
			o.unknown++
		case status == "success" && q.byHand != "success" && !n.ids[msgID]:
			o.falseSuccess++
		case status != "success" && !q.unsure && len(n.times) > 0 && n.times[len(n.times)-1].After(q.since):
			o.falseFail++
			m.l.t.Logf("message %s is %s: %+v", openid[len(openidPrefix):], status, q)
		}
	}
	m.l.verdict(o, mostUnknown)
	m.l.checkCrashes()
	for text, n := range m.answers {
		m.l.t.Logf("%5d × %s", n, text)
	}
}
