package rules_test

import (
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// down takes migrations back until the rules are those of before submsg_watch().
func (d *db) down() {
	d.t.Helper()
	for one[bool](d, `SELECT to_regclass('subMsgTemplate') IS NOT NULL`) {
		if err := migrations.Down(d.t.Context(), d.url, 1); err != nil {
			d.t.Fatal(err)
		}
	}
}

// Rules made by hand before submsg_watch() are taken over, with their stored errors and without their triggers; and given back.
func TestOldRules(t *testing.T) {
	url := pgtest.Empty(t)
	if err := migrations.Up(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	d := connect(t, url)
	d.down()
	d.exec(shop + `ALTER TABLE shop.refunds ADD "=odd" text DEFAULT 'odd';
		INSERT INTO subMsgRule (tableName, templateId, openidColumn, paramColumns, flagColumn, whenColumn, whenValues) VALUES
			('shop.refunds', 'old', 'buyer_openid', '{goods,=odd}', 'notify', 'state', '{paid}'), ('shop.refunds', 'broken', 'nobody', '{}', 'notify', NULL, NULL);
		CREATE TRIGGER mine BEFORE UPDATE ON shop.refunds FOR EACH ROW WHEN (NEW.notify) EXECUTE FUNCTION subMsgRule_fire();
		UPDATE shop.refunds SET buyer_openid = NULL WHERE id = 2; UPDATE shop.refunds SET notify = true, state = 'paid' WHERE id <= 2; DELETE FROM subMsgRuleError WHERE error LIKE '%column nobody'`)
	if n := one[int](d, `SELECT count(*)::int FROM subMsgRuleError`); n != 1 {
		t.Fatalf("%d errors", n)
	}
	for range 2 {
		if err := migrations.Up(t.Context(), url); err != nil {
			t.Fatal(err)
		}
		if got := one[string](d, `SELECT string_agg(rule || coalesce(problem, ''), ', ' ORDER BY rule) FROM submsg_rules() WHERE rule <> 'broken'`); got != "orders, shop.refunds:old #2" {
			t.Errorf("taken over: %s", got)
		}
		d.wantErrors(`shop.refunds:old #2: null value in column "openid" of relation "submsglist" violates not-null constraint`)
		d.exec(`DELETE FROM subMsgList; UPDATE shop.refunds SET notify = true WHERE id = 1`)
		d.want("o1 old 货1|odd wait")
		if n := one[int](d, `SELECT count(*)::int FROM pg_trigger WHERE tgrelid IN ('shop.refunds'::regclass, 'orders'::regclass) AND tgname NOT LIKE '~%' AND NOT tgisinternal`); n != 0 {
			t.Errorf("%d triggers of before", n)
		}
		d.exec(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o', 'n', 'c', 1, 2)`)
		d.down()
		d.exec(`DELETE FROM subMsgList; UPDATE shop.refunds SET notify = true, state = 'paid' WHERE id = 1; UPDATE orders SET isSendMsg = true WHERE openid = 'o'; DELETE FROM orders`)
		d.want("o1 old 货1|odd wait", "o AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw n|c|1|2| wait")
	}
}
