package rules_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/rules"
)

// What submsg_test() shows is what the update then makes. Showing it changes nothing, runs no trigger and wakes nobody.
func TestShowsWhatAnUpdateMakes(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''side effect''; END';
		CREATE TRIGGER aaa BEFORE UPDATE ON shop.refunds FOR EACH ROW
			WHEN (current_setting('shop.quiet', true) IS NULL) EXECUTE FUNCTION shop.f();
		SELECT submsg_watch('shop.refunds', 'a', 'buyer_openid', ARRAY['goods','=第 {id} 单'], flag => 'notify',
				page => 'p?id={id}', dedupKey => 'd{id}', name => 'a'),
			submsg_watch('shop.refunds', 'b', 'buyer_openid', ARRAY['{"column":"state","map":{"paid":"已付款"}}'],
				whenColumn => 'state', whenValues => '{paid,odd}', filter => '{"kind":"food"}', hold => '1 hour', name => 'b')`,
		`SET shop.quiet = 'on';
		UPDATE shop.refunds SET state = 'paid' WHERE id = 1;
		UPDATE shop.refunds SET state = 'odd' WHERE id = 2;
		UPDATE shop.refunds SET kind = 'x', state = 'paid' WHERE id = 3;
		UPDATE shop.refunds SET buyer_openid = 'white space' WHERE id = 4;
		UPDATE shop.refunds SET buyer_openid = NULL WHERE id = 5;
		RESET shop.quiet; DELETE FROM subMsgList; DELETE FROM subMsgRuleError`)
	before := one[string](d, `SELECT string_agg(concat(r.xmin, r.*), ',' ORDER BY id) FROM shop.refunds r`)
	got, err := rules.Test(t.Context(), d.Conn, "shop.refunds", "id BETWEEN 1 AND 5 ORDER BY id -- of a person", 10)
	if err != nil {
		t.Fatal(err)
	}
	type line struct{ Key, Rule, OpenID, Problem string }
	var lines []line
	for _, p := range got {
		lines = append(lines, line{p.Key(), p.Rule, p.OpenID, p.Problem})
	}
	want := []line{
		{"id=1", "a", "o1", ""}, {"id=1", "b", "o1", ""},
		{"id=2", "a", "o2", ""}, {"id=2", "b", "o2", "parameter 1: the map has no word for what column state says"},
		{"id=3", "a", "o3", ""}, {"id=3", "b", "o3", "it does not fire: column kind is 'x', the rule wants 'food'"},
		{"id=4", "a", "white space", "openid is 1 to 64 ascii characters without white space"}, {"id=4", "b", "white space", "it does not fire: column state is 'open', the rule wants 'paid' or 'odd'"},
		{"id=5", "a", "", "the openid, column buyer_openid, is NULL"}, {"id=5", "b", "", "it does not fire: column state is 'open', the rule wants 'paid' or 'odd'"},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p := got[0]
	if p.Page != "p?id=1" || p.DedupKey != "d1" || p.Template != "a" || !cmp.Equal(p.Params, []string{"货1", "第 1 单"}) {
		t.Errorf("%+v", p)
	}
	if after := one[string](d, `SELECT string_agg(concat(r.xmin, r.*), ',' ORDER BY id) FROM shop.refunds r`); after != before {
		t.Error("rows were changed")
	}
	d.want()
	d.exec(`SET shop.quiet = 'on'; UPDATE shop.refunds SET notify = true WHERE id = 1; UPDATE shop.refunds SET state = 'x' WHERE id = 1; UPDATE shop.refunds SET state = 'paid' WHERE id = 1`)
	d.want("o1 a 货1|第 1 单 wait", "o1 b 已付款 wait")
}

// The condition is the caller's own SQL, and it can't write.
func TestTestCannotWrite(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag, `CREATE FUNCTION shop.w() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN DELETE FROM shop.refunds; RETURN true; END'`)
	for where, code := range map[string]string{
		"shop.w()":                       "25006",
		"id = nr":                        "42703",
		"true; DELETE FROM shop.refunds": "42601",
		"true) x; COMMIT; --":            "42601",
	} {
		_, err := rules.Test(t.Context(), d.Conn, "shop.refunds", where, 1)
		if err == nil || !cmp.Equal(one[int](d, `SELECT count(*)::int FROM shop.refunds`), 5) {
			t.Errorf("%s: %v, want %s", where, err, code)
		}
	}
	if _, err := rules.Test(t.Context(), d.Conn, "shop.refund", "", 1); err == nil {
		t.Error("a table that isn't there")
	}
	got, err := rules.Test(t.Context(), d.Conn, "shop.refunds", "", 2)
	if err != nil || len(got) != 2 {
		t.Errorf("%d previews of 2 rows, %v", len(got), err)
	}
}

// The rules of a partitioned table are shown for a row of a partition, too.
func TestTestOfPartitions(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE shop.ship (id int, openid text, f boolean) PARTITION BY LIST (id); CREATE TABLE shop.ship_1 (f boolean, openid text, id int); ALTER TABLE shop.ship ATTACH PARTITION shop.ship_1 DEFAULT;
		INSERT INTO shop.ship VALUES (1, 'o1'); SELECT submsg_watch('shop.ship', 't', 'openid', '{id}', flag => 'f')`)
	for _, table := range []string{"shop.ship", "shop.ship_1"} {
		got, err := rules.Test(t.Context(), d.Conn, table, "", 5)
		if err != nil || len(got) != 1 || got[0].OpenID != "o1" || got[0].Problem != "" {
			t.Errorf("%s: %+v, %v", table, got, err)
		}
	}
}
