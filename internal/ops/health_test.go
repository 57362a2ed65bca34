package ops_test

import (
	"strings"
	"testing"
)

// fact reads a line of subMsgHealth. Its state is "none" where there is no such line.
func (d *db) fact(name string) (value, state, remark string) {
	d.t.Helper()
	for _, f := range all[struct{ Value, State, Remark, English string }](d, `SELECT value, state, remark, remarkEnglish FROM subMsgHealth WHERE name = $1 ORDER BY state DESC`, name) {
		return f.Value, f.State, f.Remark + " / " + f.English
	}
	return "", "none", ""
}

// The view shows each trouble with words that say what to do. Without the trouble, its line says ok.
func TestHealth(t *testing.T) {
	for _, tt := range []struct {
		name, fact, calm string
		trouble          func(d *db)
		value, words     string
	}{
		{"nobody is there", "listeners", "warn", func(*db) {}, "0", "start it"},
		{"messages wait too long", "oldest due", "ok", func(d *db) {
			d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter) SELECT 'o', 't', t, t FROM (SELECT now() - interval '1 hour') AS s (t)`)
		}, "01:00:00", "submsg serve"},
		{"since ever", "oldest due", "ok", func(d *db) {
			d.exec(`INSERT INTO subMsgList (openid, templateId, createTime, sendAfter) VALUES ('o', 't', '-infinity', '-infinity')`)
		}, "", "submsg serve"},
		{"a lease is over", "sending", "ok", func(d *db) {
			d.exec(`WITH m AS (INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
				VALUES ('o', 't', 'sending', gen_random_uuid(), now() - interval '1 min') RETURNING *)
				INSERT INTO subMsgClaim SELECT claimId, leaseUntil, ARRAY[id] FROM m`)
		}, "1", "longer than their lease"},
		{"WeChat has stopped something", "paused", "ok", func(d *db) {
			d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', 'r', now())`)
		}, "1", "subMsgPaused"},
		{"a trigger is disabled", "triggers", "ok", func(d *db) {
			d.exec(`ALTER TABLE subMsgList DISABLE TRIGGER submsglist_by_hand`)
		}, "12 of 13", "submsglist_by_hand (submsglist)"},
		{"a trigger is gone", "triggers", "ok", func(d *db) {
			d.exec(`DROP TRIGGER submsglist_wake_insert ON subMsgList`)
		}, "12 of 13", "submsglist_wake_insert"},
		{"a rule is broken", "rule", "ok", func(d *db) { d.exec(`ALTER TABLE orders DROP COLUMN name CASCADE`) }, "orders", "name"},
		{"a rule has missed messages", "rule", "ok", func(d *db) {
			d.exec(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('', 'n', 'c', 1, 2)`)
			d.exec(`UPDATE orders SET isSendMsg = true`)
		}, "orders", "submsg_replay('orders')"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t)
			if _, state, remark := d.fact(tt.fact); state != tt.calm {
				t.Errorf("before: %s %s", state, remark)
			}
			tt.trouble(d)
			value, state, remark := d.fact(tt.fact)
			if state != "warn" || !strings.Contains(value, tt.value) || !strings.Contains(remark, tt.words) {
				t.Errorf("value %q, state %s, %s; want %q and %q", value, state, remark, tt.value, tt.words)
			}
		})
	}
}

// A transaction that is open without a snapshot doesn't hold back vacuum: it only keeps its locks. The test
// replaces the minute that the view waits by none.
func TestOpenTransaction(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgPace (account) VALUES ('default')`)
	other := connect(t, d.url)
	pid := one[string](other, `SELECT pg_backend_pid()::text`)
	view := strings.ReplaceAll(strings.TrimSuffix(one[string](d, `SELECT pg_get_viewdef('subMsgHealth'::regclass)`), ";"), "'00:01:00'", "'00:00:00'")
	for begin, want := range map[string]string{
		`BEGIN; SELECT FROM orders`:                            "stands open, and an upgrade waits for its locks",
		`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT`:        "keeps dead rows from being removed",
		`BEGIN; UPDATE subMsgPace SET spentUntil = spentUntil`: "keeps dead rows from being removed",
	} {
		other.exec(begin)
		if remark := one[string](d, `SELECT remarkEnglish FROM (`+view+`) AS h WHERE name = 'long transaction' AND value = $1`, pid); !strings.HasPrefix(remark, want) {
			t.Errorf("%s: %s", begin, remark)
		}
		other.exec(`ROLLBACK`)
	}
}

// The view names the session that keeps dead rows from being removed. It shows all of a session of the reader's
// own, and of another user's only the pid.
func TestLongTransaction(t *testing.T) {
	d := newDB(t)
	other := connect(t, d.url)
	other.exec(`BEGIN ISOLATION LEVEL REPEATABLE READ`)
	other.exec(`SELECT  'not  done yet'`)
	d.exec(`DO $$ BEGIN FOR i IN 1..10001 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`)
	value, state, remark := d.fact("long transaction")
	if pid := one[string](other, `SELECT pg_backend_pid()::text`); value != pid || state != "warn" {
		t.Errorf("%s %s, want %s warn", value, state, pid)
	}
	for _, words := range []string{"idle in transaction", "SELECT 'not done yet'", "postgres"} {
		if !strings.Contains(remark, words) {
			t.Errorf("%q doesn't say %q", remark, words)
		}
	}
	role := "reader_" + strings.ToLower(d.Config().Database)
	d.exec(`CREATE ROLE "` + role + `"; GRANT SELECT ON ALL TABLES IN SCHEMA public TO "` + role + `"; GRANT EXECUTE ON FUNCTION submsg_rules TO "` + role + `"; SET ROLE "` + role + `"`)
	defer d.exec(`RESET ROLE; DROP OWNED BY "` + role + `"; DROP ROLE "` + role + `"`)
	seen, state, remark := d.fact("long transaction")
	if seen != value || state != "warn" || strings.Contains(remark, "not done yet") {
		t.Errorf("an ordinary login sees %q %s: %s", seen, state, remark)
	}
	other.exec(`ROLLBACK`)
	if _, state, remark := d.fact("long transaction"); state != "none" {
		t.Errorf("it is over, and still told: %s", remark)
	}
}
