package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// A shop in trouble: five causes of failure, a template stopped, a rule broken, a trigger disabled, an hour of delay.
const trouble = `
INSERT INTO subMsgTemplate (templateId, name, title) VALUES ('zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc', 'orderStatus', '订单状态通知');
INSERT INTO subMsgList (openid, templateId, parameterArr, sendStatus, sendStatusMsg, errCode, errKind, sendTime, createTime, updateTime, sendAfter, attempts, msgId)
SELECT 'oE2E' || lpad(n::text, 24, '0'), t, p, s, m, c, k, now() - age, now() - age, now() - age, now() - age, 1, id FROM (VALUES
	(1, 'orderStatus', '{生椰拿铁,19.9,已发货,预计明日送达}'::text[], 'success', 'ok', 0, NULL, interval '30 h 30 s', 4611686018427387905),
	(2, 'orderStatus', '{冰美式,19.9,已发货,谢谢}', 'fail', '用户未授权或授权次数已用完：请引导用户再次订阅 (43101 user refuse to accept the msg rid: 6390)', 43101, NULL, '30 min 20 s', NULL),
	(3, 'orderStatus', '{冰美式,19.9,已发货,谢谢}', 'fail', '用户未授权或授权次数已用完：请引导用户再次订阅 (43101 user refuse to accept the msg rid: 6391)', 43101, NULL, '29 min 20 s', NULL),
	(4, 'orderStatus', '{冰美式,十九块九,已发货,谢谢}', 'fail', '参数不符合模板要求：请修改后重发 (parameter 2 (goodsPrice) can''t be filled into amount3 "{goodsPrice}元": an amount is up to 10 digits)', NULL, 'template-mismatch', '20 min 20 s', NULL),
	(5, 'orderStatsu', '{冰美式}', 'fail', '未知模板：请改正 templateId 后重发 (orderStatsu；已有模板：orderStatus、vipPaySuccess)', NULL, 'template-missing', '10 min 20 s', NULL),
	(6, 'orderStatus', '{冰美式,19.9,已发货,谢谢}', 'fail', '第 2 个参数 goodsPrice（amount3）不符合模板要求：请修改后重发 (47003 argument invalid!)', 47003, NULL, '9 min 20 s', NULL),
	(7, 'orderStatus', '{冰美式,19.9,已发货,谢谢}', 'unknown', '请求可能已到达微信，但没有得到完整应答，无法确定是否送达：请核实后再决定是否重发 (timeout)', NULL, 'answer-missing', '5 min 20 s', NULL),
	(8, 'orderStatus', '{冰美式,19.9,已发货,谢谢}', 'expired', '过期未发送：仍要发送时，改 expireTime 并将 sendStatus 改为 wait (not sent before its expireTime)', NULL, 'expired', '2 h 20 s', NULL)
) AS v (n, t, p, s, m, c, k, age, id) ORDER BY n;
INSERT INTO subMsgList (openid, templateId, parameterArr, createTime, updateTime, sendAfter) VALUES
	('oE2E000000000000000000000009', 'zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc', '{生椰拿铁,19.9,已发货,预计明日送达}', now() - interval '1 h 20 s', now() - interval '1 h 20 s', now() - interval '1 h 20 s'),
	('oE2E000000000000000000000010', 'vipPaySuccess', '{张三,VIP20211128001,100,356.5,感谢您的支持}', now() - interval '50 min 20 s', now() - interval '50 min 20 s', now() - interval '50 min 20 s'),
	('oE2E000000000000000000000011', 'vipPaySuccess', '{张三,VIP20211128001,100,356.5,感谢您的支持}', now() - interval '50 min 20 s', now() - interval '50 min 20 s', now() + interval '2 h 30 s');
INSERT INTO subMsgList (openid, templateId, parameterArr, sendStatus, createTime, updateTime, sendAfter, claimId, leaseUntil, attempts, traceparent) VALUES
	('oE2E000000000000000000000012', 'vipPaySuccess', '{张三,VIP20211128001,100,356.5,感谢您的支持}', 'sending', now() - interval '2 min 20 s', now() - interval '2 min 20 s', now() - interval '2 min 20 s', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', now() + interval '1 h 30 s', 2, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
INSERT INTO subMsgClaim VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', now() + interval '1 h', '{12}');
INSERT INTO subMsgPause (templateId, reason, errCode, pausedAt, probeAt) VALUES
	('zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc', '该模板已被封禁：请在微信公众平台查看，或换用其他模板 (43116 banned)', 43116, now() - interval '2 h 30 s', now() + interval '1 h 30 s');
ALTER TABLE orders DROP COLUMN name CASCADE;
ALTER TABLE subMsgPause DISABLE TRIGGER submsgpause_wake;
`

// volatile is what differs from one run to the next, at the same width for half a minute.
var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`), "YYYY-MM-DD hh:mm:ss"},
	{regexp.MustCompile(`\b(\d+m)\d\ds\b`), "${1}SSs"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "hh:mm:ss"},
	{regexp.MustCompile(`\((local|[0-9.:a-f]+) for \d+s\)`), "(HOST for Ns)"},
	{regexp.MustCompile(`（(本机|[0-9.:a-f]+) 已 \d+s）`), "（HOST 已 Ns）"},
}

// Every command's output as a person sees it, Chinese text aligned: testdata/golden.
func TestOpsGolden(t *testing.T) {
	db := pgtest.DB(t)
	prints(t, db, "status-empty", "", "", "status")
	psql(t, db, trouble)
	// as two processes of submsg serve are seen
	for _, name := range []string{"submsg listener", "submsg listener", "submsg"} {
		session(t, db, name)
	}
	person := session(t, db, "psql")
	if _, err := person.Exec(t.Context(), `BEGIN; UPDATE subMsgList SET parameterArr[2] = '19.9' WHERE id = 3`); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, lang, in, args string }{
		{"status", "", "", "status"},
		{"status-zh", "zh_CN.UTF-8", "", "status"},
		{"list", "", "", "list"},
		{"list-selected", "", "", "list --status=fail,unknown --newer=25m --full"},
		{"list-nothing", "", "", "list --openid=oNobody"},
		{"show-success", "", "", "show 1"},
		{"show-fail", "", "", "show 2"},
		{"show-fail-zh", "zh_CN.UTF-8", "", "show 4"},
		{"show-unknown-template", "", "", "show 5"},
		{"show-unknown-zh", "zh_CN.UTF-8", "", "show 7"},
		{"show-expired", "", "", "show 8"},
		{"show-paused", "", "", "show 9"},
		{"show-paused-zh", "zh_CN.UTF-8", "", "show 9"},
		{"show-queued", "", "", "show 10"},
		{"show-scheduled", "", "", "show 11 --full"},
		{"show-sending", "", "", "show 12"},
		{"show-nothing", "", "", "show 99"},
		{"retry-dry-run", "", "", "retry --errcode=43101 --dry-run"},
		{"retry-no-zh", "zh_CN.UTF-8", "n\n", "retry --status=fail,unknown"},
		{"list-nothing-zh", "zh_CN.UTF-8", "", "list --openid=oNobody"},
		{"show-scheduled-zh", "zh_CN.UTF-8", "", "show 11"},
		{"retry-no", "", "n\n", "retry --status=fail,unknown"},
		{"retry-nobody", "", "", "retry --errcode=43101"},
		{"retry-nothing", "", "", "retry --id=1,99 --status=fail"},
		{"retry", "", "y\n", "retry --errcode=43101"},
		{"retry-ids", "", "", "retry --id=7,9,99 --yes"},
		{"cancel", "", "", "cancel --template=vipPaySuccess --yes"},
		{"cancel-unspoken", "", "", "cancel"},
		{"cancel-ages", "", "", "cancel --older=2d --newer=1h"},
		{"list-age", "", "", "list --newer=yesterday"},
		{"list-status", "", "", "list --status=failed"},
	} {
		prints(t, db, tt.name, tt.lang, tt.in, strings.Fields(tt.args)...)
	}
}

// What only a person lifts stands apart from what WeChat has stopped.
func TestOpsGoldenCopy(t *testing.T) {
	db := pgtest.DB(t)
	psql(t, db, `INSERT INTO subMsgPause (templateId, reason, pausedAt, probeAt) VALUES ('*', '本数据库是副本，先核对 (a copy: look first)', now() - interval '2 h 30 s', 'infinity'), ('vipPaySuccess', 'banned', now() - interval '3 h 30 s', '-infinity');
INSERT INTO subMsgList (openid, templateId, parameterArr, createTime, updateTime, sendAfter) VALUES ('oE2E000000000000000000000001', 'orderStatus', '{生椰拿铁,19.9,已发货,谢谢}', now() - interval '3 h 30 s', now() - interval '3 h 30 s', now() - interval '3 h 30 s');`)
	session(t, db, "submsg listener")
	prints(t, db, "status-copy", "", "", "status")
	prints(t, db, "status-copy-zh", "zh_CN.UTF-8", "", "status")
	prints(t, db, "show-copy", "", "", "show", "1")
	prints(t, db, "show-copy-zh", "zh_CN.UTF-8", "", "show", "1")
	prints(t, db, "list-due-before", "", "", "list", "--due-before=2026-13-01")
}

// session is a connection of somebody.
func session(t *testing.T, db, name string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(db)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = name
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// submsg runs a command here and returns what it prints, and its exit code.
func submsg(t *testing.T, db, lang, in string, args ...string) string {
	t.Helper()
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG", "SUBMSG_TEMPLATES"} {
		t.Setenv(name, "")
	}
	command.UnsetEmpty()
	t.Setenv("LC_ALL", lang)
	t.Setenv("DATABASE_URL", db)
	var out, errs bytes.Buffer
	code := run(args, in, &out, &errs)
	return fmt.Sprintf("$ submsg %s\n%s-- stderr --\n%s-- exit code %d --\n", strings.Join(args, " "), out.String(),
		errs.String(), code)
}

func prints(t *testing.T, db, name, lang, in string, args ...string) {
	t.Run(name, func(t *testing.T) {
		got := submsg(t, db, lang, in, args...)
		for _, v := range volatile {
			got = v.pattern.ReplaceAllString(got, v.with)
		}
		golden(t, got, "golden", name+".txt")
		if leaked := leaks(got); !strings.Contains(strings.Join(args, " "), "--full") && len(leaked) > 0 {
			t.Errorf("it prints %q", leaked)
		}
	})
}

// What programs read is JSON, whatever the locale.
func TestOpsJSON(t *testing.T) {
	db := pgtest.DB(t)
	psql(t, db, trouble)
	for args, keys := range map[string][]string{
		"status --json":                {"waiting", "due", "failures", "paused", "problems", "perMinute"},
		"show 9 --json":                {"id", "sendStatus", "pauses", "data", "why", "next"},
		"list --json --limit=1 --id=9": {"id", "openid", "parameterArr", "sendStatus"},
	} {
		out := submsg(t, db, "zh_CN.UTF-8", "", strings.Fields(args)...)
		_, out, _ = strings.Cut(out, "\n")
		out, rest, _ := strings.Cut(out, "-- stderr --\n")
		var got map[string]any
		err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(out, "["), "]\n")), &got)
		if err != nil || !strings.HasPrefix(rest, "-- exit code 0") {
			t.Errorf("%s: %v, %s\n%s", args, err, rest, out)
		}
		for _, key := range keys {
			if got[key] == nil {
				t.Errorf("%s: no %s in %s", args, key, out)
			}
		}
	}
}

// A watch goes on until it is told to stop, and that is no failure.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"DATABASE_URL=" + pgtest.DB(t)}, "status", "--watch", "--every=100ms")
	eventually(t, "three looks", func() bool { return strings.Count(p.out.String(), "per minute") >= 3 })
	p.signal(os.Interrupt)
	if code := p.exit(); code != command.ExitOK {
		t.Errorf("exit code %d, %s", code, p.err.String())
	}
}

// Many rows: the progress goes to standard error, in tenths.
func TestRetryTellsItsProgress(t *testing.T) {
	db := pgtest.DB(t)
	psql(t, db, `INSERT INTO subMsgList (openid, templateId, sendStatus, errCode) SELECT 'o' || g, 't', 'fail', 43101 FROM generate_series(1, 10000) g;`)
	out := submsg(t, db, "", "", "retry", "--status=fail", "--yes")
	if strings.Count(out, "of 10000 messages") != 10 || !strings.Contains(out, "messages set to wait: 10000\n") ||
		!strings.Contains(out, "; the newest 10:") {
		t.Error(out)
	}
}
