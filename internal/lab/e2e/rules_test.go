package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/rules"
)

// The customers of the shop, whose schema (testdata/rules/shop.sql) knows nothing of submsg.
const (
	refunded = 910_000 + iota
	patient
	hungry
	member
	awaiting
)

// shop is the schema with its data, and four rules: three made by the command line, one in SQL.
type shop struct{ *world }

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{newWorldWithOrders(t, "--grant-all")}
	published(s.world)
	script := repoFile(t, "internal/lab/e2e/testdata/rules/shop.sql")
	for _, n := range []int{refunded, patient, hungry, member, awaiting} {
		script += fmt.Sprintf("INSERT INTO shop.customers VALUES ('%s', '顾客');\n", person(n))
	}
	psql(t, s.db, script+fmt.Sprintf(`INSERT INTO shop.refunds (id, buyer_openid, goods, amount, note) VALUES (7, '%s', '生椰拿铁', 19.90, '原路退回'), (8, '%s', '冰美式', 15, '');
INSERT INTO shop."Orders" ("orderNo", "buyerOpenid", "Kind", "to", goods, "Amount", "Balance") VALUES ('A-1', '%s', 'food', '张三', ' 牛肉面 ', 28.5, NULL), ('A-2', '%s', 'card', '李四', '充值', 100, 356.5);
INSERT INTO shop.shipments (id, shipped_on, buyer, goods, fee) VALUES (1, '2026-10-31', '%s', '咖啡豆', 6);
`, person(refunded), person(patient), person(hungry), person(member), person(awaiting)))
	s.rules("When notify is set in shop.refunds, the user in buyer_openid gets orderStatus.", refundsRule("note")...)
	out := s.rules(`When State changes to "paid" or "shipped" and Kind is "food" in shop."Orders"`,
		"add", `shop."Orders"`, "--template=orderStatus", "--openid=buyerOpenid", "--name=food",
		"--when=State=paid,shipped", "--filter=Kind=food",
		"--param=goods", `--param={"column":"Amount","format":"FM999990.00"}`, `--param={"column":"State","map":{"paid":"已付款","shipped":"已发货"}}`,
		"--param==订单 {orderNo}", "--dedup=order-{orderNo}-{State}", "--page=pages/order?no={orderNo}")
	if !strings.Contains(out, `column "State" is 'new'`) {
		t.Errorf("what a row that doesn't fire says:\n%s", out)
	}
	s.rules("held for 1h ", "add", "shop.shipments", "--template=orderStatus", "--openid=buyer", "--name=shipments",
		"--when=Status=sent", "--on-insert", "--hold=1h",
		"--param=goods", "--param=fee", "--param==已寄出", "--param={\"column\":\"shipped_on\",\"format\":\"MM月DD日\"}")
	psql(t, s.db, `SELECT submsg_watch('shop."Orders"', template => 'vipPaySuccess', openid => 'buyerOpenid', params => ARRAY['to', 'orderNo', 'Amount', 'Balance', '=谢谢'], whenColumn => 'State', whenValues => '{paid}', filter => '{"Kind":"card"}', name => 'cards');`)
	return s
}

// published is what a serve does at its start.
func published(w *world) {
	w.t.Helper()
	var all []rules.Template
	for _, t := range fields.Shipped().All() {
		all = append(all, rules.Template{ID: t.ID, Name: t.Name, Title: t.Title, Params: t.Params})
	}
	if err := rules.Publish(w.t.Context(), w.pool, all); err != nil {
		w.t.Fatal(err)
	}
}

func refundsRule(note string) []string {
	return []string{"add", "shop.refunds", "--template=orderStatus", "--openid=buyer_openid", "--flag=notify",
		"--name=refunds",
		"--param=goods", "--param=amount", `--param={"column":"state","map":{"approved":"已退款","refused":"已拒绝"},"else":"处理中"}`, "--param=" + note}
}

// rules runs a command that must go well and print these words, and returns all that it prints.
func (s shop) rules(want string, args ...string) string {
	s.t.Helper()
	code, out, err := s.run(append([]string{"rules"}, args...)...)
	if code != command.ExitOK || err != "" || !strings.Contains(out, want) {
		s.t.Fatalf("rules %q: exit code %d, %s\n%s\nwant: %s", args, code, err, out, want)
	}
	return out
}

// fails runs a command that must not go well, and say so on one line.
func (s shop) fails(want int, words string, args ...string) {
	s.t.Helper()
	code, _, err := s.run(append([]string{"rules"}, args...)...)
	if code != want || !strings.Contains(err, words) || strings.Count(err, "\n") != 1 {
		s.t.Errorf("rules %q: exit code %d, %q; want %d, %q", args, code, err, want, words)
	}
}

// An administrator edits the shop's tables in psql, and the right users are told the right words.
func TestShop(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, name := range []string{"refunds", "food", "shipments", "cards"} {
		if line := lineWith(s.rules(name, "list"), " "+name+" "); !strings.Contains(line, " ok ") {
			t.Errorf("rule %s: %s", name, line)
		}
	}

	// Rolled back: nobody is told, and nothing stays.
	edits := `UPDATE shop.refunds SET state = 'approved', notify = true WHERE id = 7;
UPDATE shop."Orders" SET "State" = 'paid';
UPDATE shop.shipments SET shipped_on = '2026-11-02', "Status" = 'sent' WHERE id = 1;
`
	if got := psql(t, s.db, "BEGIN;\n"+edits+
		"SELECT count(*) FROM subMsgList;\nROLLBACK;\nSELECT count(*) FROM subMsgList;\n"); got != "4\n0\n" {
		t.Fatalf("messages in the transaction and after its rollback: %q", got)
	}

	// Committed: one transaction, whose time the order's own trigger wrote down.
	if got := psql(t, s.db, "BEGIN;\n"+edits+"COMMIT;\n"+
		`SELECT count(*), (SELECT count(DISTINCT "updatedAt") FROM shop."Orders") FROM subMsgList WHERE createTime = (SELECT max("updatedAt") FROM shop."Orders");
SELECT notify FROM shop.refunds WHERE id = 7;`); got != "4|1\nf\n" {
		t.Fatalf("messages of the transaction, its times, and the flag: %q", got)
	}
	psql(t, s.db, edits[strings.Index(edits, "UPDATE shop.\"Orders\""):]) // says nothing new
	psql(t, s.db, "UPDATE subMsgList SET sendAfter = now() WHERE openid = '"+person(awaiting)+"';")
	s.serve()
	for n, want := range map[int]said{
		refunded: {orderStatusID, "pages/APITest/APITest", words("orderStatus", "生椰拿铁", "19.90元", "已退款", "原路退回")},
		hungry:   {orderStatusID, "pages/order?no=A-1", words("orderStatus", "牛肉面", "28.50元", "已付款", "订单 A-1")},
		member:   {vipPaySuccessID, "pages/APITest/APITest", words("vipPaySuccess", "李四", "A-2", "100.0000", "356.5000", "谢谢")},
		awaiting: {orderStatusID, "pages/APITest/APITest", words("orderStatus", "咖啡豆", "6.00元", "已寄出", "11月02日")},
	} {
		s.await(person(n), "success")
		sent := s.wantSent(person(n), 1)
		if diff := cmp.Diff(want, said{sent[0].TemplateID, sent[0].Page, sent[0].Data}); diff != "" {
			t.Errorf("said to person %d (-want +got):\n%s", n, diff)
		}
	}
	s.wantSent(person(patient), 0)
	s.exactlyOnce(0)
}

// said is what came to a user.
type said struct {
	Template, Page string
	Data           map[string]string
}

// words are the values of a shipped template's keys, in its order.
func words(template string, values ...string) map[string]string {
	data := map[string]string{}
	t, _ := fields.Shipped().Find(template)
	for i, f := range t.Fields {
		data[f.Key] = values[i]
	}
	return data
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// Trying a rule shows the words, and neither sends nor changes anything, even the version of a row.
func TestRuleIsTried(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const state = `SELECT string_agg(xmin || ' ' || r::text, E'\n' ORDER BY id) FROM shop.refunds r;` + "\nSELECT count(*) FROM subMsgList;\nSELECT count(*) FROM subMsgRuleError;\n"
	before := psql(t, s.db, state)
	out := s.rules("messages: 2 (would fail: 1); nothing was sent or changed", "test", "shop.refunds")
	for _, word := range []string{"生椰拿铁", "19.90元", "处理中", "remark", "oE2E***"} {
		if !strings.Contains(out, word) {
			t.Errorf("%s is missing in\n%s", word, out)
		}
	}
	var got []struct {
		Row, Rule string
		Data      map[string]string
	}
	if err := json.Unmarshal([]byte(s.rules("", "test", "shop.refunds", "--where=id = 7", "--json")),
		&got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Rule != "refunds" || got[0].Row != "id=7" {
		t.Fatalf("%+v", got)
	}
	if diff := cmp.Diff(words("orderStatus", "生椰拿铁", "19.90元", "处理中", "原路退回"), got[0].Data); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, where := range []string{"id = 7; DELETE FROM shop.refunds",
		"false) r; DELETE FROM shop.refunds; SELECT (true", "nonsense = 1", "id = 'x'"} {
		s.fails(command.ExitUsage, "", "test", "shop.refunds", "--where="+where)
	}
	s.rules("messages: 0", "test", "shop.refunds", "--where=id = 999")
	s.rules("messages: 1", "test", "shop.refunds", "--limit=1")
	if after := psql(t, s.db, state); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// A slip of the hand reaches nobody: within the hold window, taking it back calls the message off.
func TestRuleHolds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	set := func(status string) []message {
		t.Helper()
		psql(t, s.db, `UPDATE shop.shipments SET "Status" = '`+status+`' WHERE id = 1;`)
		return s.messages(person(awaiting))
	}
	if all := set("sent"); len(all) != 1 || all[0].Status != "wait" {
		t.Fatalf("%+v", all)
	}
	if all := set("packed"); len(all) != 1 || all[0].Status != "cancel" || all[0].Text == "" {
		t.Fatalf("%+v", all)
	}
	if all := set("sent"); len(all) != 2 || all[1].Status != "wait" {
		t.Fatalf("%+v", all)
	}
	if n := s.number(`SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait' AND sendAfter - createTime BETWEEN interval '1 hour' AND interval '2 hours'`); n != 1 {
		t.Errorf("%d messages are held for an hour, want 1", n)
	}
}

// A rule that broke leaves the update alone and says so; mended, it makes up for what it missed.
func TestRuleIsMended(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	psql(t, s.db, "ALTER TABLE shop.refunds DROP note;\nUPDATE shop.refunds SET state = 'refused', notify = true "+
		"WHERE id = 8;\n")
	if got := psql(t, s.db, "SELECT state, notify FROM shop.refunds WHERE id = 8;"); got != "refused|t\n" {
		t.Errorf("the refund says %q", got)
	}
	if list := s.rules("broken", "list"); !strings.Contains(list, "note") || strings.Count(list, "broken") != 1 {
		t.Errorf("the list says\n%s", list)
	}
	s.rules("id=8", "show", "refunds")
	s.fails(command.ExitFailed, "messages still missing: 1", "replay", "refunds")
	s.rules("gets orderStatus", refundsRule("=如有疑问请联系客服")...)
	s.rules("refunds", "replay")
	s.rules("nothing was missed", "replay", "refunds")
	if got := psql(t, s.db, "SELECT state, notify FROM shop.refunds WHERE id = 8;"); got != "refused|f\n" {
		t.Errorf("the refund says %q", got)
	}
	s.serve()
	s.await(person(patient), "success")
	if diff := cmp.Diff(words("orderStatus", "冰美式", "15.00元", "已拒绝", "如有疑问请联系客服"),
		s.wantSent(person(patient), 1)[0].Data); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What `rules show` prints as SQL makes the same rule again, removed or not.
func TestRuleIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	list := func() (all []rules.Listed) {
		t.Helper()
		if err := json.Unmarshal([]byte(s.rules("", "list", "--json")), &all); err != nil {
			t.Fatal(err)
		}
		for i := range all {
			all[i].ID = 0
		}
		return all
	}
	before := list()
	if len(before) != 5 {
		t.Fatalf("%d rules, want the shop's four and the orders'", len(before))
	}
	for _, r := range before {
		psql(t, s.db, r.Call)
		s.rules(r.Call, "show", r.Name)
		s.rules("removed", "remove", r.Name, "--yes")
		psql(t, s.db, r.Call)
	}
	if diff := cmp.Diff(before, list()); diff != "" {
		t.Errorf("-before +made again:\n%s", diff)
	}
}
