package rules_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each case tells how updates become messages, in a database of its own.
func TestFires(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rules, sql string
		want             []string
	}{
		{"flag", byFlag, `UPDATE shop.refunds SET notify = true WHERE id = 1`, []string{"o1 orderStatus 货1|1|open|n wait"}},
		{"no flag", byFlag, `UPDATE shop.refunds SET note = 'x'`, nil},
		{"insert without onInsert", byFlag, `INSERT INTO shop.refunds (buyer_openid, notify) VALUES ('o9', true)`, nil},
		{"NULL in every parameter", byFlag, `UPDATE shop.refunds SET goods = NULL, amount = NULL, note = NULL, notify = true WHERE id = 1`, []string{"o1 orderStatus ||open| wait"}},
		{"set twice", byFlag, `BEGIN; UPDATE shop.refunds SET notify = true, note = 'a' WHERE id = 1; UPDATE shop.refunds SET notify = true, note = 'b' WHERE id = 1; COMMIT`,
			[]string{"o1 orderStatus 货1|1|open|a wait", "o1 orderStatus 货1|1|open|b wait"}},
		{"set and unset", byFlag, `BEGIN; UPDATE shop.refunds SET notify = true WHERE id = 1; UPDATE shop.refunds SET notify = false WHERE id = 1; COMMIT`, []string{"o1 orderStatus 货1|1|open|n wait"}},
		{"rolled back", byFlag, `BEGIN; UPDATE shop.refunds SET notify = true WHERE id = 1; ROLLBACK`, nil},
		{"savepoints", byFlag, `BEGIN; SAVEPOINT a; UPDATE shop.refunds SET notify = true WHERE id = 1; ROLLBACK TO a; UPDATE shop.refunds SET notify = true WHERE id = 2; RELEASE a; COMMIT`,
			[]string{"o2 orderStatus 货2|2|open|n wait"}},
		{"repeatable read", byFlag, `BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE shop.refunds SET notify = true WHERE id = 1; COMMIT`, []string{"o1 orderStatus 货1|1|open|n wait"}},
		{"serializable", byFlag, `BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE shop.refunds SET notify = true WHERE id = 1; COMMIT`, []string{"o1 orderStatus 货1|1|open|n wait"}},
		{"on conflict do update", byFlag + `; INSERT INTO shop.refunds (buyer_openid) VALUES ('o6')`,
			`INSERT INTO shop.refunds (id, buyer_openid, notify) OVERRIDING SYSTEM VALUE VALUES (6, 'o7', true) ON CONFLICT (id) DO UPDATE SET notify = excluded.notify, goods = 'g'`,
			[]string{"o6 orderStatus g||open| wait"}},
		{"on conflict do nothing", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', whenColumn => 'state', onInsert => true)`,
			`INSERT INTO shop.refunds (id, buyer_openid, state) OVERRIDING SYSTEM VALUE VALUES (1, 'o1', 'paid'), (7, 'o7', 'paid') ON CONFLICT DO NOTHING`, []string{"o7 t  wait"}},
		{"merge of names", `SELECT submsg_watch('shop.refunds', 't', 'BUYER_openid', '{Goods}', flag => 'NOTIFY')`, `UPDATE shop.refunds SET notify = true WHERE id = 1`, []string{"o1 t 货1 wait"}},
		{"changes to one of the values", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{state}', whenColumn => 'state', whenValues => '{paid,sent}')`,
			`UPDATE shop.refunds SET state = 'paid' WHERE id = 1; UPDATE shop.refunds SET state = 'paid', note = 'x' WHERE id = 1; UPDATE shop.refunds SET state = 'odd' WHERE id = 1; UPDATE shop.refunds SET state = 'sent' WHERE id = 1`,
			[]string{"o1 t paid wait", "o1 t sent wait"}},
		{"changes at all", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{note}', whenColumn => 'note')`, `UPDATE shop.refunds SET note = NULL WHERE id = 1; UPDATE shop.refunds SET note = NULL WHERE id = 1`, []string{"o1 t  wait"}},
		{"flag while in a state", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{state}', flag => 'notify', whenColumn => 'state', whenValues => '{paid}')`,
			`UPDATE shop.refunds SET notify = true WHERE id = 1; UPDATE shop.refunds SET state = 'paid' WHERE id = 1`, []string{"o1 t paid wait"}},
		{"on insert", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{state}', whenColumn => 'state', whenValues => '{paid}', onInsert => true)`,
			`INSERT INTO shop.refunds (buyer_openid, state) VALUES ('o8', 'open'), ('o9', 'paid')`, []string{"o9 t paid wait"}},
		{"flag on insert", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{state}', flag => 'notify', onInsert => true)`,
			`INSERT INTO shop.refunds (buyer_openid, notify) VALUES ('o8', false), ('o9', true); UPDATE shop.refunds SET note = 'x'`, []string{"o9 t open wait"}},
		{"templates by value", `SELECT submsg_watch('shop.refunds', k, 'buyer_openid', '{goods}', flag => 'notify', filter => jsonb_build_object('kind', k)) FROM unnest('{food,drink}'::text[]) k`,
			`UPDATE shop.refunds SET kind = 'drink' WHERE id = 2; UPDATE shop.refunds SET notify = true WHERE id <= 2`, []string{"o1 food 货1 wait", "o2 drink 货2 wait"}},
		{"two to tell", `SELECT submsg_watch('shop.refunds', 'buyer', 'buyer_openid', flag => 'notify'), submsg_watch('shop.refunds', 'seller', 'kind', flag => 'notify')`,
			`UPDATE shop.refunds SET notify = true WHERE id = 1`, []string{"o1 buyer  wait", "food seller  wait"}},
		{"two flags", `ALTER TABLE shop.refunds ADD f boolean; SELECT submsg_watch('shop.refunds', 'a', 'buyer_openid', flag => 'notify'), submsg_watch('shop.refunds', 'b', 'buyer_openid', flag => 'f')`,
			`UPDATE shop.refunds SET notify = true, f = true WHERE id = 1; UPDATE shop.refunds SET f = true WHERE id = 2`, []string{"o1 a  wait", "o1 b  wait", "o2 b  wait"}},
		{"words", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', ARRAY['=单号 {id} {{}}', '{"column":"state","map":{"open":"待付款"}}', '{"column":"kind","map":{"x":"y"},"else":"其他"}',
			'{"column":"amount","format":"FM990.00"}', '{"column":"at","format":"MM-DD HH24:MI","zone":"Asia/Shanghai"}', '{"column":"note","null":"无"}'], flag => 'notify')`,
			`SET TimeZone = 'America/New_York'; UPDATE shop.refunds SET notify = true, note = NULL WHERE id = 1`, []string{"o1 t 单号 1 {}|待付款|其他|1.00|01-02 11:04|无 wait"}},
		{"the table's own BEFORE trigger", byFlag + `; CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.goods := upper(NEW.goods); RETURN NEW; END'; CREATE TRIGGER zzz BEFORE UPDATE ON shop.refunds FOR EACH ROW EXECUTE FUNCTION shop.f()`,
			`UPDATE shop.refunds SET goods = 'late', notify = true WHERE id = 1`, []string{"o1 orderStatus LATE|1|open|n wait"}},
		{"a BEFORE trigger that calls it off", byFlag + `; CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER zzz BEFORE UPDATE ON shop.refunds FOR EACH ROW EXECUTE FUNCTION shop.f()`,
			`UPDATE shop.refunds SET notify = true`, nil},
		{"a BEFORE trigger that sets the flag", byFlag + `; CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.notify := NEW.state = ''paid''; RETURN NEW; END'; CREATE TRIGGER zzz BEFORE UPDATE ON shop.refunds FOR EACH ROW EXECUTE FUNCTION shop.f()`,
			`UPDATE shop.refunds SET state = 'paid' WHERE id = 1`, []string{"o1 orderStatus 货1|1|paid|n wait"}},
		{"generated columns", `ALTER TABLE shop.refunds ADD label text GENERATED ALWAYS AS (goods || ' x' || amount::text) STORED; SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{label}', whenColumn => 'label')`,
			`UPDATE shop.refunds SET note = 'x'; UPDATE shop.refunds SET amount = 7 WHERE id = 1`, []string{"o1 t 货1 x7 wait"}},
		{"what a generated column is made of renamed and swapped", `ALTER TABLE shop.refunds ADD label text GENERATED ALWAYS AS (goods || ' x') STORED; SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{label}', flag => 'notify')`,
			`UPDATE shop.refunds SET notify = true WHERE id = 1; ALTER TABLE shop.refunds RENAME goods TO tmp; ALTER TABLE shop.refunds RENAME note TO goods; UPDATE shop.refunds SET notify = true WHERE id = 2`,
			[]string{"o1 t 货1 x wait", "o2 t 货2 x wait"}},
		{"columns renamed and swapped", byFlag, `ALTER TABLE shop.refunds RENAME goods TO tmp; ALTER TABLE shop.refunds RENAME note TO goods; ALTER TABLE shop.refunds RENAME tmp TO note;
			ALTER TABLE shop.refunds RENAME notify TO "Tell 'em"; ALTER TABLE shop.refunds RENAME TO back; ALTER SCHEMA shop RENAME TO "Shop"; UPDATE "Shop".back SET "Tell 'em" = true WHERE id = 1`,
			[]string{"o1 orderStatus 货1|1|open|n wait"}},
		{"the key renamed", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', '{note}', flag => 'notify', hold => '1 hour')`,
			`UPDATE shop.refunds SET notify = true WHERE id = 1; ALTER TABLE shop.refunds RENAME id TO nr; UPDATE shop.refunds SET notify = true, note = 'x' WHERE nr = 2`, []string{"o1 t n wait", "o2 t x wait"}},
		{"type changed", byFlag, `ALTER TABLE shop.refunds ALTER amount TYPE float8; UPDATE shop.refunds SET amount = 1.25, notify = true WHERE id = 1`, []string{"o1 orderStatus 货1|1.25|open|n wait"}},
		{"as a replica", byFlag, `SET session_replication_role = replica; UPDATE shop.refunds SET notify = true WHERE id = 1; RESET session_replication_role`, nil},
		{"dedupKey", `SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', whenColumn => 'state', dedupKey => '{id}-{state}')`,
			`UPDATE shop.refunds SET state = 'a' WHERE id = 1; UPDATE shop.refunds SET state = 'b' WHERE id = 1; UPDATE shop.refunds SET state = 'a' WHERE id = 1`, []string{"o1 t  wait", "o1 t  wait"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t, tt.rules)
			d.exec(tt.sql)
			d.want(tt.want...)
			d.wantErrors()
			if d.warned("submsg") {
				t.Errorf("notices %q", d.notices)
			}
		})
	}
}

// An update that becomes a message resets the flag in the same version of the row.
func TestFlagIsReset(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag)
	d.exec(`BEGIN; UPDATE shop.refunds SET notify = true;
		CREATE TEMP TABLE mine AS SELECT pg_current_xact_id()::xid AS x; COMMIT`)
	n := one[int](d, `SELECT count(*)::int FROM shop.refunds, mine
		WHERE NOT notify AND refunds.xmin = x AND refunds.cmax = '0'`)
	if n != 5 {
		t.Errorf("%d rows of one version with the flag reset, want 5", n)
	}
}

// The message is due, expires and opens a page as the rule says.
func TestTimesAndPage(t *testing.T) {
	t.Parallel()
	d := newDB(t, `ALTER TABLE shop.refunds ADD day date DEFAULT '2031-05-06'; SET TimeZone = 'Asia/Shanghai';
		SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', flag => 'notify', sendAfter => 'at - 1 hour', expireTime => 'day + 12 hours', page => 'pages/r?id={id}&g={goods}')`)
	d.exec(`SET TimeZone = 'UTC'; UPDATE shop.refunds SET goods = 'a&b 货', notify = true WHERE id = 1`)
	got := one[string](d, `SELECT concat_ws(' ', sendAfter, expireTime, page) FROM subMsgList`)
	if want := "2030-01-02 02:04:05+00 2031-05-06 04:00:00+00 pages/r?id=1&g=%61%26%62%20%E8%B4%A7"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d.exec(`SELECT submsg_watch('shop.refunds', 't', 'buyer_openid', flag => 'notify', sendAfter => '+2 hours', expireTime => '+3 hours', name => 'shop.refunds:t')`)
	d.exec(`UPDATE shop.refunds SET notify = true WHERE id = 2`)
	if !one[bool](d, `SELECT sendAfter = createTime + interval '2 hours' AND expireTime = createTime + interval '3 hours' FROM subMsgList WHERE openid = 'o2'`) {
		t.Error("not two and three hours from now")
	}
}

// The rules of a partitioned table hold in all partitions, also in those that are made later and in those with another
// order of columns. A row that moves from one to another is one update.
func TestPartitions(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE shop.ship (id int, month date, openid text, state text, f boolean DEFAULT false, PRIMARY KEY (id, month)) PARTITION BY RANGE (month);
		CREATE TABLE shop.ship_1 (f boolean, gone int, state text, openid text, month date NOT NULL, id int NOT NULL); ALTER TABLE shop.ship_1 DROP gone;
		ALTER TABLE shop.ship ATTACH PARTITION shop.ship_1 FOR VALUES FROM ('2030-01-01') TO ('2030-02-01');
		SELECT submsg_watch('shop.ship', 'changed', 'openid', '{id,state}', whenColumn => 'state', whenValues => '{sent}', onInsert => true),
			submsg_watch('shop.ship', 'told', 'openid', '{id,state}', flag => 'f', onInsert => true),
			submsg_watch('shop.ship', 'held', 'openid', '{id,state}', whenColumn => 'state', whenValues => '{held}', hold => '1 hour', onInsert => true);
		CREATE TABLE shop.ship_2 PARTITION OF shop.ship FOR VALUES FROM ('2030-02-01') TO ('2030-03-01')`)
	for _, step := range []struct {
		name, sql string
		want      []string
	}{
		{"insert", `INSERT INTO shop.ship VALUES (1, '2030-01-05', 'o1', 'sent'), (2, '2030-02-05', 'o2', 'open')`, []string{"o1 changed 1|sent wait"}},
		{"move", `UPDATE shop.ship SET month = '2030-02-06' WHERE id = 1`, nil},
		{"move and change", `UPDATE shop.ship SET month = '2030-01-06', state = 'sent' WHERE id = 2`, []string{"o2 changed 2|sent wait"}},
		{"move and flag", `UPDATE shop.ship SET month = '2030-02-07', f = true WHERE id = 2`, []string{"o2 told 2|sent wait"}},
		{"flag in each", `UPDATE shop.ship SET f = true`, []string{"o1 told 1|sent wait", "o2 told 2|sent wait"}},
		{"insert with the flag", `INSERT INTO shop.ship VALUES (3, '2030-01-05', 'o3', 'open', true)`, []string{"o3 told 3|open wait"}},
		{"insert held, move", `INSERT INTO shop.ship VALUES (4, '2030-01-05', 'o4', 'held'); UPDATE shop.ship SET month = '2030-02-06' WHERE id = 4`, []string{"o4 held 4|held wait"}},
	} {
		d.exec(`DELETE FROM subMsgList`)
		d.exec(step.sql)
		d.want(step.want...)
	}
	d.exec(`DELETE FROM shop.ship WHERE id = 4 AND month = '2030-02-06'`)
	d.want("o4 held 4|held wait") // its key was another when it was held: known weakness of keys that change
	d.wantErrors()
}

// A name that means something to SQL, templates or shells is a name like any other, and so are values.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("名", 21) // 63 bytes
	for _, name := range []string{
		`orders"; DROP TABLE x; --`, `a" OR 1=1`, long, "UPPER and lower", "select", "user", "%I", "%L%s", "$$", "$submsg$",
		`back\slash`, `it's`, "a.b", "r", "1", "\u202eevil", `{"column":"id"}`, "=x", " ",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDB(t)
			q := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
			table := q(name) + `.` + q(name)
			d.exec(`CREATE SCHEMA ` + q(name) + `;
				CREATE TABLE ` + table + ` (` + q(name) + ` text PRIMARY KEY, openid text, flag_ boolean)`)
			param := `{"column":` + one[string](d, `SELECT to_json($1::text)::text`, name) + `}`
			d.exec(`SELECT submsg_watch($1::text::regclass, $2, 'openid', ARRAY[$3], flag => 'flag_', hold => '1 hour',
				name => $2)`, table, "t", param)
			d.exec(`INSERT INTO `+table+` VALUES ($1, 'o1', false)`, name+`'; \ {openid} %s $1`)
			d.exec(`UPDATE ` + table + ` SET flag_ = true`)
			got := one[[]string](d, `SELECT parameterArr FROM subMsgList`)
			if !cmp.Equal(got, []string{name + `'; \ {openid} %s $1`}) {
				t.Errorf("%q", got)
			}
			d.exec(one[string](d, `SELECT call FROM submsg_rules('t')`))
			if problem := one[*string](d, `SELECT problem FROM submsg_rules('t')`); problem != nil {
				t.Error(*problem)
			}
			d.exec(`UPDATE ` + table + ` SET flag_ = true`)
			d.wantErrors()
			if n := one[int](d, `SELECT count(*)::int FROM subMsgList WHERE sendStatus = 'wait'`); n != 1 {
				t.Errorf("%d messages wait, want the newer one", n)
			}
		})
	}
}

// A statement that updates many rows makes a message of each.
func TestBulk(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE shop.many AS SELECT g AS id, 'o' || g AS openid, false AS f FROM generate_series(1, 20000) g;
		SELECT submsg_watch('shop.many', 't', 'openid', '{id}', flag => 'f')`)
	d.exec(`UPDATE shop.many SET f = true`)
	got := one[string](d, `SELECT concat_ws(' ', count(*), count(DISTINCT openid), sum(parameterArr[1]::int))
		FROM subMsgList`)
	if got != "20000 20000 200010000" {
		t.Error(got)
	}
	if one[bool](d, `SELECT bool_or(f) FROM shop.many`) {
		t.Error("a flag is left")
	}
}
