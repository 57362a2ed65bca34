package rules_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/submsg/submsg/internal/rules"
)

var catalogue = []rules.Template{
	{ID: "zT99", Name: "orderStatus", Title: "订单状态通知", Params: []string{"goodsName", "goodsPrice", "orderStatus", "remark"}},
	{ID: "AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw", Name: "payment", Params: []string{"a", "b", "c", "d", "e"}},
	{ID: "none", Name: "bare"},
}

func (d *db) publish(templates ...rules.Template) {
	d.t.Helper()
	if err := rules.Publish(d.t.Context(), d.Conn, templates); err != nil {
		d.t.Fatal(err)
	}
}

// A definition that is wrong is refused with what is wrong, and with what would be right.
func TestDefinitionErrors(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE VIEW shop.seen AS SELECT * FROM shop.refunds; CREATE MATERIALIZED VIEW shop.kept AS SELECT * FROM shop.refunds;
		CREATE TABLE shop.moves (at date, openid text, a text, f boolean, g text GENERATED ALWAYS AS (a || 'x') STORED) PARTITION BY RANGE (at);
		CREATE TABLE shop.moves_1 PARTITION OF shop.moves DEFAULT;
		CREATE FUNCTION shop.twice(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $1';
		CREATE TABLE shop.made (id int PRIMARY KEY, openid text, f boolean, t text GENERATED ALWAYS AS (shop.twice(openid)) STORED);
		CREATE TEMP TABLE mine (openid text, f boolean);
		CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE shop.far (openid text, f boolean) SERVER s`)
	d.publish(catalogue...)
	four := `'{goods,amount,state,note}'`
	for _, tt := range []struct {
		name, args, code string
		words            []string
	}{
		{"no such table", `'shop.refund', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify'`, "42P01", []string{"shop.refund"}},
		{"no such column", `'shop.refunds', 'orderStatus', 'openid', ` + four + `, flag => 'notify'`, "42703", []string{"shop.refunds has no column openid", "buyer_openid"}},
		{"no such parameter", `'shop.refunds', 'orderStatus', 'buyer_openid', '{goods,amount,state,nota}', flag => 'notify'`, "42703", []string{"nota", "note"}},
		{"no such column in a text", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','state','=no {nr}'], flag => 'notify'`, "42703", []string{"nr"}},
		{"half a brace", `'shop.refunds', 'orderStatus', 'buyer_openid', '{goods,amount,state,=no \{id}', flag => 'notify'`, "22023", []string{"{{"}},
		{"flag of another type", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'state'`, "42804", []string{"state", "notify"}},
		{"no such template", `'shop.refunds', 'orderStatos', 'buyer_openid', ` + four + `, flag => 'notify'`, "42704", []string{"orderStatos", "orderStatus (zT99)"}},
		{"too few parameters", `'shop.refunds', 'orderStatus', 'buyer_openid', '{goods}', flag => 'notify'`, "22023", []string{"4 parameters", "gives 1", "goodsName, goodsPrice"}},
		{"parameters for none", `'shop.refunds', 'bare', 'buyer_openid', '{goods}', flag => 'notify'`, "22023", []string{"0 parameters"}},
		{"when it fires", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four, "22023", []string{"when it fires", "flag =>"}},
		{"values of what", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', whenValues => '{x}'`, "22023", []string{"whenColumn"}},
		{"flag and a column without values", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', whenColumn => 'state'`, "22023", []string{"whenValues"}},
		{"no JSON", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','state','{x}'], flag => 'notify'`, "22023", []string{"no JSON"}},
		{"JSON without a column", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','state','{"map":{}}'], flag => 'notify'`, "22023", []string{"column"}},
		{"JSON with more", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','state','{"column":"note","sql":"1"}'], flag => 'notify'`, "22023", []string{"sql"}},
		{"a map of numbers", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','state','{"column":"note","map":{"a":1}}'], flag => 'notify'`, "22023", []string{"map"}},
		{"a format for a text", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','state','{"column":"note","format":"99"}'], flag => 'notify'`, "42804", []string{"text"}},
		{"a zone that is none", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods','amount','state','{"column":"at","format":"YYYY","zone":"Asia/Peking"}'], flag => 'notify'`, "22023", []string{"Asia/Peking"}},
		{"a NULL parameter", `'shop.refunds', 'orderStatus', 'buyer_openid', ARRAY['goods',NULL], flag => 'notify'`, "22023", []string{"NULL"}},
		{"sendAfter of no time", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', sendAfter => 'note + 1 hour'`, "42804", []string{"note", "text"}},
		{"sendAfter of nonsense", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', sendAfter => '+2 ours'`, "22023", []string{"2 ours"}},
		{"a filter that is none", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', filter => '["kind"]'`, "22023", []string{"JSON object"}},
		{"a condition in SQL", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', filter => '{"1=1); DELETE FROM shop.refunds; --": "x"}'`, "42703", []string{"1=1"}},
		{"hold for nothing", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', hold => '0'`, "22023", []string{"hold"}},
		{"a name too long", `'shop.refunds', 'orderStatus', 'buyer_openid', ` + four + `, flag => 'notify', name => repeat('x', 201)`, "23514", []string{"name"}},
		{"a view", `'shop.seen', 'bare', 'buyer_openid', flag => 'notify'`, "42809", []string{"it is a view"}},
		{"a materialized view", `'shop.kept', 'bare', 'buyer_openid', flag => 'notify'`, "42809", []string{"it is a view"}},
		{"a foreign table", `'shop.far', 'bare', 'openid', flag => 'f'`, "42809", []string{"it is a foreign table"}},
		{"an index", `'shop.refunds_pkey', 'bare', 'buyer_openid', flag => 'notify'`, "42809", []string{"it is no table"}},
		{"a temporary table", `'mine', 'bare', 'openid', flag => 'f'`, "42809", []string{"temporary"}},
		{"a partition", `'shop.moves_1', 'bare', 'openid', flag => 'f'`, "42809", []string{"name the whole, shop.moves"}},
		{"a table of the system", `'pg_authid', 'bare', 'rolname', '{}', flag => 'rolsuper'`, "42809", []string{"table of the system"}},
		{"the messages", `'subMsgList', 'bare', 'openid', '{}', whenColumn => 'sendstatus'`, "42809", []string{"submsg's own"}},
		{"rules of rules", `'subMsgRule', 'bare', 'name', '{}', whenColumn => 'name'`, "42809", []string{"submsg's own"}},
		{"hold without a key", `'shop.moves', 'bare', 'openid', flag => 'f', hold => '1 min'`, "22023", []string{"no primary key", "ADD PRIMARY KEY"}},
		{"a flag on INSERT without a key", `'shop.moves', 'bare', 'openid', flag => 'f', onInsert => true`, "22023", []string{"no primary key"}},
		{"generated by code of others", `'shop.made', 'bare', 'openid', flag => 'f', dedupKey => '{t}'`, "0A000", []string{"column t", "code of others"}},
		{"generated in partitions", `'shop.moves', 'bare', 'openid', flag => 'f', dedupKey => '{g}'`, "0A000", []string{"column g", "partition"}},
		{"nothing", `NULL, 'bare', 'openid', flag => 'f'`, "22004", []string{"NULL"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &db{Conn: d.Conn, t: t}
			d.fails(`SELECT submsg_watch(`+tt.args+`)`, tt.code, tt.words...)
		})
	}
	if n := one[int](d, `SELECT count(*)::int FROM subMsgRule WHERE name <> 'orders'`); n != 0 {
		t.Errorf("%d rules in spite of it", n)
	}
}

// As long as no catalogue is published, whoever defines a rule gets a warning.
func TestUnknownCatalogue(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.exec(byFlag)
	if !d.warned("has published no templates yet") {
		t.Errorf("notices %q", d.notices)
	}
	d.publish(catalogue...)
	d.exec(`UPDATE subMsgTemplate SET seenTime = '-infinity'`)
	d.publish(catalogue[1:]...)
	d.forget(time.Hour)
	problem := one[string](d, `SELECT problem FROM submsg_rules('shop.refunds:orderStatus')`)
	if problem != `there is no template "orderStatus" any more` {
		t.Errorf("problem %q", problem)
	}
}

// Defining a rule again changes nothing. Another definition takes its place only if the name is given.
func TestNames(t *testing.T) {
	t.Parallel()
	d := newDB(t, byFlag, byFlag)
	names := one[[]string](d, `SELECT array_agg(rule ORDER BY rule) FROM submsg_rules()`)
	if !cmp.Equal(names, []string{"orders", "shop.refunds:orderStatus"}) {
		t.Errorf("%q", names)
	}
	other := `SELECT submsg_watch('shop.refunds', 'orderStatus', 'buyer_openid', '{goods}', flag => 'notify'`
	d.fails(other+`)`, "42710", "shop.refunds:orderStatus", "says otherwise", "name =>")
	id := one[int64](d, `SELECT id FROM submsg_rules('shop.refunds:orderStatus')`)
	d.exec(other + `, name => 'shop.refunds:orderStatus')`)
	if got := one[int64](d, `SELECT id FROM submsg_rules('shop.refunds:orderStatus') WHERE params = '{goods}'`); got != id {
		t.Errorf("another rule: %d, %d", got, id)
	}
	d.exec(`SELECT submsg_unwatch('shop.refunds:orderStatus')`)
	n := one[int](d, `SELECT count(*)::int FROM pg_trigger
		WHERE tgrelid = 'shop.refunds'::regclass AND tgname LIKE '~%'`)
	if n != 0 {
		t.Errorf("%d triggers without a rule", n)
	}
	if one[bool](d, `SELECT submsg_unwatch('shop.refunds:orderStatus')`) {
		t.Error("it was there still")
	}
}

// Everything that a rule can say survives the way from Go to SQL, the table and back, and the call that is shown makes
// the same rule.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	d := newDB(t, `CREATE TABLE shop."Odd ""Table""" (id int PRIMARY KEY, "openID" text, "=a" text, "{b" text, "C d" timestamp, f boolean)`)
	for _, r := range []rules.Rule{
		{Name: "least", Table: "shop.refunds", Template: "t", OpenID: "buyer_openid", Params: []string{}, Flag: "notify"},
		{Name: "most", Table: "shop.refunds", Template: "t", OpenID: "buyer_openid",
			WhenColumn: "state", WhenValues: []string{"paid", "it's, {\"odd\"}"},
			Params: []string{"goods", "=", "=订单 {id}, {{x}}",
				`{"map": {"a": "一"}, "else": "", "column": "note"}`,
				`{"zone": "Asia/Shanghai", "column": "at", "format": "MM-DD"}`},
			Filter: map[string][]string{"kind": {"food", "drink"}, "note": {"n"}}, OnInsert: true, Hold: 90 * time.Second,
			SendAfter: "at - 1 hour", ExpireTime: "+1 day", DedupKey: "r-{id}", Page: "pages/r?id={id}"},
		{Name: `odd "name' $$`, Table: `shop."Odd ""Table"""`, Template: "t", OpenID: "openID", Flag: "f", WhenColumn: "=a", WhenValues: []string{""},
			Params: []string{`{"column": "=a"}`, `{"column": "{b"}`, "={C d}"}, SendAfter: "C d"},
	} {
		name, err := rules.Add(t.Context(), d.Conn, r)
		if err != nil || name != r.Name {
			t.Fatalf("%q, %v", name, err)
		}
		got, _, err := rules.Show(t.Context(), d.Conn, name, 1)
		if diff := cmp.Diff(r, got.Rule, cmpopts.EquateEmpty()); diff != "" || err != nil || got.Problem != "" {
			t.Errorf("%v %s (-added +shown):\n%s", err, got.Problem, diff)
		}
		plan := one[string](d, `SELECT plan::text FROM subMsgRule WHERE name = $1`, name)
		if err := rules.Remove(t.Context(), d.Conn, name); err != nil {
			t.Error(err)
		}
		d.exec(got.Call)
		if again := one[string](d, `SELECT plan::text FROM subMsgRule WHERE name = $1`, name); again != plan {
			t.Errorf("%s\nmakes %s\ninstead of %s", got.Call, again, plan)
		}
	}
	if _, _, err := rules.Show(t.Context(), d.Conn, "nobody", 1); err != rules.ErrNoRule {
		t.Errorf("show: %v", err)
	}
	if err := rules.Remove(t.Context(), d.Conn, "nobody"); err != rules.ErrNoRule {
		t.Errorf("remove: %v", err)
	}
	if all, err := rules.List(t.Context(), d.Conn); err != nil || len(all) != 4 {
		t.Errorf("%d rules, %v", len(all), err)
	}
}
