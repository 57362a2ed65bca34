package roles_test

import (
	"strings"
	"testing"
)

// shopkeeper is an administrator of submsg with rights of his own in a shop that isn't his.
const shopkeeper = `CREATE ROLE @keeper IN ROLE @admin; CREATE ROLE @owner; CREATE SCHEMA shop AUTHORIZATION @owner; SET ROLE @owner;
	CREATE TABLE shop.sales (id int PRIMARY KEY, openid text, goods text, secret text, f boolean DEFAULT false);
	INSERT INTO shop.sales VALUES (1, 'o1', 'g', 'the secret');
	GRANT USAGE ON SCHEMA shop TO @keeper; GRANT TRIGGER, SELECT (id, openid, goods, f), UPDATE (f) ON shop.sales TO @keeper; RESET ROLE`

const sale = `SELECT submsg_watch('shop.sales', 't', 'openid', '{goods}', flag => 'f', name => 'sale')`

// A rule gives who defines it no more than he has.
func TestWhoMayDefine(t *testing.T) {
	for _, tt := range []struct{ name, before, role, sql, code string }{
		{"an administrator", ``, "keeper", sale, ""},
		{"no right to make triggers", `REVOKE TRIGGER ON shop.sales FROM @keeper`, "keeper", sale, denied},
		{"a column that is secret, as parameter", ``, "keeper", strings.Replace(sale, "{goods}", "{secret}", 1), denied},
		{"in a text", ``, "keeper", strings.Replace(sale, "'{goods}'", "ARRAY['=x {secret}']", 1), denied},
		{"in a map", ``, "keeper", strings.Replace(sale, "'{goods}'", `ARRAY['{"column":"secret","map":{}}']`, 1), denied},
		{"as a condition", ``, "keeper", strings.Replace(sale, "flag => 'f'", `flag => 'f', filter => '{"secret": "x"}'`, 1), denied},
		{"as what changes", ``, "keeper", strings.Replace(sale, "flag => 'f'", `whenColumn => 'secret'`, 1), denied},
		{"as the page", ``, "keeper", strings.Replace(sale, "flag => 'f'", `flag => 'f', page => '{secret}'`, 1), denied},
		{"as the dedupKey", ``, "keeper", strings.Replace(sale, "flag => 'f'", `flag => 'f', dedupKey => '{secret}'`, 1), denied},
		{"row security", `ALTER TABLE shop.sales ENABLE ROW LEVEL SECURITY`, "keeper", sale, denied},
		{"no administrator of submsg", `GRANT ALL ON shop.sales TO @app; GRANT USAGE ON SCHEMA shop TO @app`, "app", sale, denied},
		{"nor the shop's owner", ``, "owner", sale, denied},
		{"by hand", ``, "keeper", `INSERT INTO subMsgRule (name, tableName, templateId, plan) VALUES ('x', 'shop.sales', 't', '{"openid": 2, "params": [{"column": 3}], "flag": 5}')`, denied},
		{"as a draft, checked alike", ``, "keeper", `INSERT INTO subMsgRuleDraft (name, tableName, templateId, arguments) VALUES ('x', 'shop.sales', 't', '{"openid": "openid", "params": ["secret"], "flag": "f"}')`, denied},
		{"as a draft, well", ``, "keeper", `INSERT INTO subMsgRuleDraft (name, tableName, templateId, arguments) VALUES ('x', 'shop.sales', 't', '{"openid": "openid", "params": ["goods"], "flag": "f"}')`, ""},
		{"a query of his own", ``, "keeper", `INSERT INTO subMsgRule (name, tableName, templateId, plan, query) VALUES ('x', 'shop.sales', 't', '{}', 'SELECT 1')`, denied},
		{"another's rule, made to read more", sale, "keeper", `INSERT INTO subMsgRuleDraft (name, tableName, templateId, arguments) VALUES ('sale', 'shop.sales', 't', '{"openid": "openid", "params": ["secret"], "flag": "f"}')`, denied},
		{"another's rule, changed by hand", sale, "keeper", `UPDATE subMsgRule SET plan = '{"openid": 2, "params": [{"column": 4}], "flag": 5}' WHERE name = 'sale'`, denied},
		{"another's rule, moved", sale, "keeper", `UPDATE subMsgRule SET tableName = 'orders' WHERE name = 'sale'`, denied},
		{"another's rule, removed", sale, "keeper", `SELECT submsg_unwatch('sale')`, ""},
		{"the rule function on a table of his own", ``, "keeper", `CREATE TEMP TABLE mine (a int); CREATE TRIGGER t BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION subMsgRule_fire(); INSERT INTO mine VALUES (1); UPDATE mine SET a = 2`, ""},
		{"test doesn't read the whole row", sale, "keeper", `SELECT m.* FROM shop.sales s, submsg_test(s.tableoid, s.ctid) m`, denied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t)
			d.exec(shopkeeper)
			d.exec(tt.before)
			if err := d.as(tt.role, tt.sql); code(err) != tt.code {
				t.Errorf("%v, want %q", err, tt.code)
			}
		})
	}
}

// An update whose message fails stores what the rule uses of the row, not the rest of it.
func TestFailuresTellNoSecrets(t *testing.T) {
	d := newDB(t)
	d.exec(shopkeeper)
	d.exec(`SET ROLE @keeper; ` + sale + `; RESET ROLE; UPDATE shop.sales SET openid = NULL, f = true`)
	d.exec(`SET ROLE @keeper`)
	if got := one[string](d, `SELECT rowData::text || rowKey::text FROM subMsgRuleError`); strings.Contains(got, "secret") || !strings.Contains(got, `"goods": "g"`) {
		t.Errorf("stored %s", got)
	}
}

// Triggers of a table that he doesn't own can be made, and made idle, but not dropped.
func TestUnwatchOfAnothersTable(t *testing.T) {
	d := newDB(t)
	d.exec(shopkeeper)
	d.exec(`SET ROLE @keeper; ` + sale + `; SELECT submsg_unwatch('sale'); RESET ROLE; UPDATE shop.sales SET f = true`)
	if got := one[string](d, `SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'shop.sales'::regclass AND tgname = '~submsg'`); !strings.Contains(got, "WHEN (false)") {
		t.Errorf("left: %s", got)
	}
	d.exec(`SET ROLE @keeper; ` + sale + `; RESET ROLE; UPDATE shop.sales SET f = true`)
	if n := one[int](d, `SELECT count(*)::int FROM subMsgList`); n != 1 {
		t.Errorf("%d messages when watched again", n)
	}
}

// A flag on INSERT needs the inserter's own right to update it; without it the flag is kept, and the client told.
func TestFlagOnInsertAsTheInserter(t *testing.T) {
	d := newDB(t)
	d.exec(shopkeeper)
	d.exec(`SELECT submsg_watch('shop.sales', 't', 'openid', '{goods}', flag => 'f', onInsert => true); CREATE ROLE @clerk;
		GRANT USAGE ON SCHEMA shop TO @clerk; GRANT INSERT, SELECT (id, f) ON shop.sales TO @clerk; SET ROLE @clerk; INSERT INTO shop.sales VALUES (2, 'o2', 'g', 's', true); RESET ROLE`)
	if got := one[string](d, `SELECT concat(count(*), f.f) FROM subMsgList, shop.sales f WHERE f.id = 2 GROUP BY f.f UNION ALL SELECT 'none' LIMIT 1`); got != "none" {
		t.Errorf("messages: %s", got)
	}
	d.exec(`GRANT UPDATE (f) ON shop.sales TO @clerk; SET ROLE @clerk; INSERT INTO shop.sales VALUES (3, 'o3', 'g', 's', true); RESET ROLE`)
	if got := one[string](d, `SELECT string_agg(openid, ',') FROM subMsgList`); got != "o3" {
		t.Errorf("messages to %s", got)
	}
	if one[bool](d, `SELECT f FROM shop.sales WHERE id = 3`) || !one[bool](d, `SELECT f FROM shop.sales WHERE id = 2`) {
		t.Error("flags")
	}
}

// A session of the updater's can't put its own tables in the way of the rows of a statement.
func TestShadowedRows(t *testing.T) {
	d := newDB(t)
	d.exec(`CREATE ROLE @clerk; CREATE TABLE moves (id int PRIMARY KEY, openid text, state text) PARTITION BY LIST (id); CREATE TABLE moves_1 PARTITION OF moves DEFAULT;
		SELECT submsg_watch('moves', 't', 'openid', '{id}', whenColumn => 'state', whenValues => '{paid}', onInsert => true, hold => '1 hour'); GRANT ALL ON moves TO @clerk;
		GRANT CREATE ON SCHEMA public TO @clerk; SET SESSION AUTHORIZATION @clerk; CREATE TEMP TABLE submsg_rows (id int, openid text, state text); INSERT INTO submsg_rows VALUES (9, 'evil', 'paid');
		CREATE TABLE public.submsg_rows (a int); SET search_path = pg_temp, public; INSERT INTO public.moves VALUES (1, 'o1', 'paid'); RESET SESSION AUTHORIZATION; SET search_path = public`)
	if got := one[string](d, `SELECT string_agg(openid, ',') FROM subMsgList`); got != "o1" {
		t.Errorf("messages to %s", got)
	}
}

// Who may make triggers of the rule function, can't make it read a table or view of his own in place of a statement's
// rows.
func TestForgedStatementTrigger(t *testing.T) {
	d := newDB(t)
	d.exec(shopkeeper)
	d.exec(`CREATE TABLE loot (via text, who text); GRANT CREATE ON SCHEMA public TO PUBLIC; SET ROLE @keeper; ` + strings.Replace(sale, "flag => 'f'", "whenColumn => 'goods', onInsert => true", 1) + `; RESET ROLE`)
	d.exec(`GRANT CREATE ON SCHEMA shop TO @keeper; GRANT INSERT ON shop.sales TO @keeper; SET SESSION AUTHORIZATION @keeper`)
	d.exec(overload("stolen", "", "int", "7") + `CREATE TEMP VIEW submsg_rows AS SELECT public.stolen() AS id, 'evil' AS openid, 'g' AS goods, 's' AS secret, false AS f;
		CREATE TRIGGER forged AFTER INSERT ON shop.sales FOR EACH STATEMENT EXECUTE FUNCTION public.subMsgRule_fire();
		INSERT INTO shop.sales (id, openid, goods) VALUES (2, 'o2', 'x'); RESET SESSION AUTHORIZATION`)
	if got := one[string](d, `SELECT coalesce(string_agg(via, ','), '') FROM public.loot`); got != "" {
		t.Errorf("foreign code ran with the owner's rights: %s", got)
	}
	if got := one[string](d, `SELECT string_agg(openid, ',') FROM subMsgList`); got != "o2" {
		t.Errorf("messages to %s", got)
	}
}

// A column that a rule formats, or takes for a time, may become one of a type that brings casts along: they don't run.
func TestForeignCasts(t *testing.T) {
	for name, rule := range map[string]string{
		"format": `SELECT submsg_watch('orders', 't', 'openid', ARRAY['{"column":"payMoney","format":"999"}'], flag => 'isSendMsg', name => 'orders')`,
		"key":    `ALTER TABLE orders ALTER id DROP IDENTITY; SELECT submsg_watch('orders', 't', 'openid', '{name}', flag => 'isSendMsg', hold => '1 hour', name => 'orders')`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newAttack(t)
			column := map[string]string{"format": "payMoney", "key": "id"}[name]
			d.exec(rule + `; ALTER TABLE orders OWNER TO @clerk; SET SESSION AUTHORIZATION @clerk; CREATE TYPE public.mood AS ENUM ('1', '1.50')`)
			d.exec(overload("mood_numeric", "public.mood", "numeric", "1") +
				overload("mood_text", "public.mood", "text", "'x'") +
				`CREATE CAST (public.mood AS numeric) WITH FUNCTION public.mood_numeric(public.mood) AS IMPLICIT; CREATE CAST (public.mood AS text) WITH FUNCTION public.mood_text(public.mood) AS IMPLICIT;
				ALTER TABLE orders ALTER ` + column + ` TYPE public.mood USING ` + column + `::text::public.mood; UPDATE orders SET isSendMsg = true; RESET SESSION AUTHORIZATION`)
			if got := one[string](d, `SELECT coalesce(string_agg(via, ','), '') FROM public.loot`); got != "" {
				t.Errorf("foreign code ran with the owner's rights: %s", got)
			}
			if one[bool](d, `SELECT isSendMsg FROM orders`) != (name == "format") {
				t.Error("the flag")
			}
		})
	}
}

// A replay updates with the rights of who replays.
func TestReplayAsWhoReplays(t *testing.T) {
	d := newDB(t)
	d.exec(shopkeeper)
	d.exec(`SET ROLE @keeper; ` + sale + `; RESET ROLE; CREATE TABLE shop.log (who text); CREATE FUNCTION shop.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
		'BEGIN INSERT INTO log VALUES (current_setting(''role'')); RETURN NEW; END'; CREATE TRIGGER note BEFORE UPDATE ON shop.sales FOR EACH ROW WHEN (NEW.openid = 'o2') EXECUTE FUNCTION shop.note();
		UPDATE shop.sales SET openid = NULL, f = true; ALTER TABLE shop.sales DISABLE TRIGGER ALL; UPDATE shop.sales SET openid = 'o2'; ALTER TABLE shop.sales ENABLE TRIGGER ALL`)
	for _, step := range []struct{ before, want string }{
		{`SET search_path = shop, public`, "0 1 permission denied for table sales"},
		{`GRANT UPDATE ON shop.sales TO @keeper; SET search_path = public`, `0 1 relation "log" does not exist`}, // the table's own trigger looks along the caller's path
		{`SET search_path = shop, public`, "1 0 "},
	} {
		d.exec(step.before)
		d.exec(`SET ROLE @keeper`)
		if got := one[string](d, `SELECT concat(sent, ' ', failed, ' ', error) FROM public.submsg_replay()`); got != step.want {
			t.Errorf("replayed: %q, want %q", got, step.want)
		}
		if path := one[string](d, `SHOW search_path`); path == "pg_catalog, pg_temp" {
			t.Error("the caller's search_path is lost")
		}
		d.exec(`RESET ROLE`)
	}
	if got := one[string](d, `SELECT string_agg(openid, ',') || (SELECT string_agg(who, ',') FROM shop.log) FROM public.subMsgList`); got != d.named("o2@keeper") {
		t.Error(got)
	}
}
