package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A user without permission: the row says so; with permission, and set to wait by hand, it goes out.
func TestPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	openid := person(1)
	psql(t, w.db, insertFor(1))
	m := w.await(openid, "fail")
	if m.Code == nil || *m.Code != 43101 || !strings.Contains(m.Text, "用户未授权") {
		t.Errorf("errCode %v: %q", m.Code, m.Text)
	}
	w.wantSent(openid, 0)
	w.post("/_fake/grants", fmt.Sprintf(`{"openid":%q,"templateId":%q,"count":1}`, openid, orderStatusID), nil)
	psql(t, w.db, "UPDATE subMsgList SET sendStatus = 'wait' WHERE openid = '"+openid+"';")
	if m = w.await(openid, "success"); m.Code == nil || *m.Code != 0 || m.MsgID == nil {
		t.Errorf("success with errCode %v, msgId %v", m.Code, m.MsgID)
	}
	psql(t, w.db, insertFor(1)) // the one permission is used up
	eventually(t, "the second is refused",
		func() bool { all := w.messages(openid); return len(all) == 2 && all[1].Status == "fail" })
	w.exactlyOnce(0)
}

// Each way in which WeChat may misbehave in one send, and what the row says then. "unknown" is the only honest
// word wherever the request may have arrived, whether it did or not.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	w.serve()
	for i, c := range []struct {
		fault, status string
		sent          int // how many messages the user got
	}{
		{`"kind":"drop_after"`, "unknown", 1},
		{`"kind":"drop_before"`, "unknown", 0},
		{`"kind":"reset"`, "unknown", 0},
		{`"kind":"reset","accepted":true`, "unknown", 1},
		{`"kind":"status_502"`, "unknown", 0},
		{`"kind":"status_502","accepted":true`, "unknown", 1},
		{`"kind":"html"`, "unknown", 0},
		{`"kind":"truncated"`, "unknown", 1},
		{`"kind":"half_json"`, "unknown", 1},
		{`"kind":"endless"`, "unknown", 1},
		{`"kind":"wrong_types"`, "unknown", 1}, // an errcode that is a string
		{`"kind":"no_msgid"`, "success", 1},
		{`"kind":"latency","delay":"1s"`, "success", 1},
		{`"kind":"system_error"`, "success", 1},            // after another try
		{`"kind":"errcode","errcode":43108`, "success", 1}, // the same
		{`"kind":"errcode","errcode":45168`, "fail", 0},    // a word that WeChat doesn't like
		{`"kind":"errcode","errcode":40003`, "fail", 0},    // not this mini-program's user
	} {
		openid := person(1000 + i)
		w.post("/_fake/faults", fmt.Sprintf(`{%s,"openid":%q}`, c.fault, openid), nil)
		psql(t, w.db, insertFor(1000+i))
		m := w.await(openid, c.status)
		w.wantSent(openid, c.sent)
		if known := m.Code != nil; known == (m.Status == "unknown") || m.Text == "" {
			t.Errorf("%s: %s with errCode %v and %q", c.fault, m.Status, m.Code, m.Text)
		}
		psql(t, w.db, insertFor(2000+i)) // who comes after isn't concerned
		w.await(person(2000+i), "success")
	}
	if n := w.number(`SELECT count(*) FROM subMsgPause`); n != 0 {
		t.Errorf("one message's trouble paused %d templates", n)
	}
	// A person decides on what is unknown: these two were not sent, and are sent now.
	psql(t, w.db, "UPDATE subMsgList SET sendStatus = 'wait' WHERE openid IN ('"+person(1001)+"', '"+person(1002)+"');")
	w.await(person(1001), "success")
	w.await(person(1002), "success")
}

// WeChat can't be reached for a while: nothing is in doubt, and all goes out when it is back.
func TestWeChatGoesAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	road := newProxy(t)
	road.up("tcp", strings.TrimPrefix(w.url, "http://"))
	w.serve("SUBMSG_WECHAT_URL=http://" + road.addr)
	psql(t, w.db, insertFor(1000))
	w.await(person(1000), "success")
	road.down()
	w.insertPeople(30)
	eventually(t, "the account is paused", func() bool {
		return w.number(`SELECT count(*) FROM subMsgPause WHERE templateId = '*default'`) == 1 && w.count("wait") == 30
	})
	road.up("tcp", strings.TrimPrefix(w.url, "http://"))
	psql(t, w.db, "DELETE FROM subMsgPause;") // a person knows; without, a probe finds out
	eventually(t, "all are sent", func() bool { return w.count("success") == 31 })
	w.exactlyOnce(0)
}

// A used-up quota burns no row: all wait, and go out when the quota is back, by a probe after midnight in Beijing or
// because a person lifts the pause.
func TestQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, lift string }{
		{"a probe finds out", "UPDATE subMsgPause SET probeAt = now();"}, // as if it were midnight
		{"a person lifts the pause", "DELETE FROM subMsgPause;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "--grant-all")
			p := w.serve()
			w.post("/_fake/quota", `{"daily":0,"minute":-1}`, nil)
			w.insertPeople(20)
			p.says("paused, one message tries in .* whether it is over")
			eventually(t, "all wait", func() bool { return w.count("wait") == 20 })
			if got := psql(t, w.db, "SELECT templateId, errCode FROM subMsgPause;"); got != "*default|45009\n" {
				t.Errorf("paused: %q", got)
			}
			probe := psql(t, w.db, `SELECT probeAt FROM subMsgPause
				WHERE probeAt < now() + interval '9 min' OR (probeAt AT TIME ZONE 'Asia/Shanghai')::time > '01:15'`)
			if probe != "" {
				t.Errorf("it is tried again at %s", probe)
			}
			w.post("/_fake/quota", `{"daily":-1,"minute":-1}`, nil)
			psql(t, w.db, c.lift)
			eventually(t, "all are sent", func() bool { return w.count("success") == 20 })
			if n := w.number(`SELECT count(*) FROM subMsgList WHERE attempts <> 1`); n != 0 {
				t.Errorf("%d rows paid for the quota with an attempt", n)
			}
			w.exactlyOnce(0)
		})
	}
}
