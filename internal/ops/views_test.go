package ops_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// Each table, view and column has a comment, which SQL clients show.
func TestEveryColumnHasAComment(t *testing.T) {
	d := newDB(t)
	type column struct {
		Name, Comment string
	}
	columns := all[column](d, `
SELECT relname || '.' || attname, coalesce(col_description(c.oid, attnum), '') FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND relname <> 'submsg_schema_migrations'`)
	for _, c := range columns {
		if c.Comment == "" {
			t.Errorf("%s has no comment", c.Name)
		}
	}
	if len(columns) < 80 {
		t.Errorf("only %d columns", len(columns))
	}
	for _, v := range all[struct{ Name string }](d, `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
		AND relname <> 'submsg_schema_migrations' AND obj_description(oid, 'pg_class') IS NULL`) {
		t.Errorf("%s has no comment", v.Name)
	}
}

// From PostgreSQL 15 on, a view reads with the rights of the login that reads it. (That of drafts has nothing to read.)
func TestViewsReadAsTheirReader(t *testing.T) {
	d := newDB(t)
	able := one[bool](d, `SELECT current_setting('server_version_num')::int >= 150000`)
	for _, v := range all[struct {
		Name    string
		Invoker bool
	}](d, `SELECT relname::text, coalesce('security_invoker=true' = ANY (reloptions), false) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' AND relname <> 'submsgruledraft'`) {
		if v.Invoker != able {
			t.Errorf("%s reads as its reader: %t, want %t", v.Name, v.Invoker, able)
		}
	}
}

// Functions that somebody has put into the schema before the migration are not used by the views.
func TestViewsAreMadeOfPostgresOwn(t *testing.T) {
	d := connect(t, pgtest.Empty(t))
	d.exec(`CREATE FUNCTION public.format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'gotcha' $$`)
	if err := migrations.Up(t.Context(), d.url); err != nil {
		t.Fatal(err)
	}
	foreign := all[struct{ Name string }](d, `
SELECT DISTINCT p.oid::regprocedure::text FROM pg_rewrite r JOIN pg_depend d ON d.objid = r.oid AND d.refclassid = 'pg_proc'::regclass JOIN pg_proc p ON p.oid = d.refobjid
WHERE pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND p.proname <> 'submsg_rules'`)
	if len(foreign) > 0 {
		t.Errorf("they call %v", foreign)
	}
}

// A failure that submsg itself found is explained by its kind. One that a person has written is told in its own words.
func TestKindsAreExplained(t *testing.T) {
	d := newDB(t)
	for _, tt := range []struct {
		status string
		kind   any
		text   string
		cause  string
	}{
		{"fail", explain.KindTemplateMissing, "未知模板：请改正 templateId (orderStatsu；已有模板：orderStatus)", "未知模板"},
		{"fail", explain.KindTemplateMismatch, "参数不符合模板要求：请修改后重发 (parameter 2 (goodsPrice) …)", "参数不符合模板要求"},
		{"fail", explain.KindUnreachable, "已重试 10 次，不再重试： 连不上微信接口，消息未发出 (dial tcp)", "连不上微信接口，消息未发出"},
		{"unknown", explain.KindAnswerMissing, "请求可能已到达微信 (timeout)", "请求可能已到达微信，但没有得到完整应答"},
		{"unknown", explain.KindCrashed, "发送中断 (the sender stopped in mid-send)", "发送中断，是否已送达未知"},
		{"unknown", explain.KindCrashedRepeatedly, "第 3 次发送仍中断 (quarantined)", "多次发送中断，可能正是这条消息使 submsg 崩溃"},
		{"expired", explain.KindExpired, "过期未发送 (not sent before its expireTime)", "过期未发送"},
		{"fail", nil, "别的原因 (details)", "别的原因"},
		{"fail", nil, "", "原因未记录"},
	} {
		t.Run(tt.cause, func(t *testing.T) {
			d.exec(`TRUNCATE subMsgList`)
			d.settle(2, "t", tt.status, tt.kind, tt.text, "1 min")
			if got := one[string](d, `SELECT cause FROM subMsgFailures WHERE count = 2 AND lastHour = 2`); got != tt.cause {
				t.Errorf("%q, want %q", got, tt.cause)
			}
			d.exec(one[string](d, `SELECT sendAgain FROM subMsgFailures`))
			if n := one[int](d, `SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait'`); n != 2 {
				t.Errorf("its UPDATE sends %d of 2 again", n)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	d := newDB(t)
	d.settle(5, "a", "fail", 43101, "用户未授权", "2 min")
	d.settle(3, "b", "fail", 43101, "用户未授权", "2 hours")
	d.settle(2, "a", "fail", 47003, "第 2 个参数 goodsPrice（amount3 = 1）不符合模板要求：请修改后重发", "1 min")
	d.settle(1, "a", "fail", 47003, "第 1 个参数 goodsName（thing2 = x）不符合模板要求：请修改后重发", "1 min")
	d.settle(1, "a", "fail", 99999, "微信返回了未收录的错误码，将再试几次", "1 min")
	d.settle(4, "a", "unknown", explain.KindAnswerMissing, "请求可能已到达微信，但没有得到完整应答", "1 min")
	d.settle(9, "a", "success", 0, "ok", "1 min")
	d.settle(9, "a", "cancel", nil, "", "1 min")
	type failure struct {
		Cause, Status string
		Count, Hour   int
		Templates     []string
		SendAgain     string
	}
	got := all[failure](d, `SELECT cause, sendStatus, count, lastHour, templateIds, sendAgain FROM subMsgFailures`)
	want := []failure{
		{"用户未授权或授权次数已用完", "fail", 8, 5, []string{"a", "b"}, "UPDATE subMsgList SET sendStatus = 'wait' WHERE id BETWEEN 1 AND 8 AND sendStatus = 'fail' AND errCode = 43101;"},
		{"请求可能已到达微信，但没有得到完整应答", "unknown", 4, 4, []string{"a"},
			"UPDATE subMsgList SET sendStatus = 'wait' WHERE id BETWEEN 13 AND 16 AND sendStatus = 'unknown' AND errCode IS NULL AND errKind = 'answer-missing';"},
		{"参数不符合模板要求", "fail", 3, 3, []string{"a"}, "UPDATE subMsgList SET sendStatus = 'wait' WHERE id BETWEEN 9 AND 11 AND sendStatus = 'fail' AND errCode = 47003;"},
		{"微信返回了未收录的错误码 99999", "fail", 1, 1, []string{"a"}, "UPDATE subMsgList SET sendStatus = 'wait' WHERE id BETWEEN 12 AND 12 AND sendStatus = 'fail' AND errCode = 99999;"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The statement that the view makes quotes the texts of rows.
func TestSendAgainQuotes(t *testing.T) {
	d := newDB(t)
	d.settle(1, "a", "fail", nil, `x'; DROP TABLE subMsgPause; --\`, "1 min")
	d.settle(1, "a", "fail", nil, `other`, "1 min")
	d.exec(one[string](d, `SELECT sendAgain FROM subMsgFailures WHERE cause LIKE 'x%'`))
	if n := one[int](d, `SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait' AND NOT EXISTS (SELECT FROM subMsgPause)`); n != 1 {
		t.Errorf("%d sent again, want 1", n)
	}
}

// Where a backlog waits, the failures are those of the messages before it. Old messages that somebody has just sent
// again don't change that, nor do messages of a paused template that have waited for longer.
func TestRecentBehindABacklog(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('paused', 'r', now())`)
	d.settle(300, "a", "fail", 40003, "old", "2 days")
	d.settle(12000, "a", "success", 0, "ok", "1 day")
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter) SELECT 'o', 'paused', now() - interval '1 day' FROM generate_series(1, 50)`)
	d.settle(40, "a", "fail", 43101, "refused", "1 min")
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o', CASE WHEN g % 7 = 0 THEN 'paused' ELSE 'a' END FROM generate_series(1, 15000) g`)
	d.exec(`UPDATE subMsgList SET sendStatus = 'wait' WHERE id BETWEEN 1 AND 200 AND id % 2 = 0`)
	d.exec(`ANALYZE subMsgList`)
	if n := one[int](d, `SELECT sum(lastHour)::int FROM subMsgFailures WHERE errCode = 43101`); n != 40 {
		t.Errorf("%d failures of the last hour, want 40", n)
	}
	if n := one[int](d, `SELECT count(*) FROM subMsgRecent`); n != 20000 {
		t.Errorf("%d rows looked at, want 20000", n)
	}
	if n := one[int](d, `SELECT count(*) FROM (SELECT id FROM subMsgRecent GROUP BY id HAVING count(*) > 1) AS twice`); n != 0 {
		t.Errorf("%d rows twice", n)
	}
}

// The views read from the front of indexes: none scans the table, whatever its size.
func TestViewsScanNoTable(t *testing.T) {
	d := newDB(t)
	d.settle(30000, "a", "success", 0, "ok", "1 day")
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o', 'a' FROM generate_series(1, 200)`)
	d.exec(`ANALYZE subMsgList`)
	for _, view := range []string{"subMsgRecent", "subMsgFailures", "subMsgPaused", "subMsgHealth"} {
		plan := all[struct{ Line string }](d, `EXPLAIN SELECT * FROM `+view)
		text := fmt.Sprint(plan)
		if strings.Contains(text, "Seq Scan on submsglist") || !strings.Contains(text, "submsglist") {
			t.Errorf("%s: %s", view, text)
		}
	}
}

// A template that is paused under its id and its name is one pause.
func TestPaused(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgTemplate (templateId, name, title) VALUES ('id-of-it', 'orderStatus', '订单状态通知')`)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, errCode, probeAt) VALUES ('id-of-it', '该模板已被封禁', 43116, now()), ('orderStatus', 'by hand', NULL, 'infinity'), ('*', '今日接口调用次数已达上限', 45009, now()), ('o''clock', 'r', NULL, now())`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o', unnest('{id-of-it,orderStatus,other}'::text[])`)
	type pause struct {
		What           string
		Waiting, Total int
	}
	got := all[pause](d, `SELECT what, waiting, waitingOf FROM subMsgPaused`)
	want := []pause{{"全部模板 (every template)", 3, 3}, {"orderStatus 订单状态通知", 2, 3}, {"o'clock", 0, 3}}
	if diff := cmp.Diff(want[:1], got[:1]); diff != "" {
		t.Errorf("the account first: -want +got:\n%s", diff)
	}
	if len(got) != len(want) || got[1] != want[1] && got[2] != want[1] || got[1] != want[2] && got[2] != want[2] {
		t.Errorf("%v, want %v", got, want)
	}
	if n := one[string](d, `SELECT value FROM subMsgHealth WHERE name = 'paused'`); n != "3" {
		t.Errorf("subMsgHealth says %s", n)
	}
	if why := one[string](d, `SELECT concat_ws(' ', why, errCode, nextProbe) FROM subMsgPaused WHERE what LIKE 'orderStatus%'`); why != "by hand infinity" { // what a probe can't lift
		t.Errorf("orderStatus: %s", why)
	}
	for _, lift := range all[struct{ SQL string }](d, `SELECT lift FROM subMsgPaused`) {
		d.exec(lift.SQL)
	}
	if n := one[int](d, `SELECT count(*) FROM subMsgPause`); n != 0 {
		t.Errorf("%d pauses left", n)
	}
}
