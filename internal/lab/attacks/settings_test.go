package attacks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/rules"
)

// pinned are the settings that change how SQL is read, how values are written as text, and how code runs.
var pinned = strings.Fields(`search_path standard_conforming_strings backslash_quote transform_null_equals array_nulls
	quote_all_identifiers DateStyle IntervalStyle TimeZone extra_float_digits bytea_output xmlbinary xmloption
	lc_monetary lc_numeric lc_time row_security exit_on_error check_function_bodies default_table_access_method`)

// unpinned are the functions that leave a setting to their caller, and why.
var unpinned = map[string]struct {
	settings []string
	why      string
}{
	"submsgrule_touch":   {pinned, "the triggers of the inserter's table run under his; it runs with his rights"},
	"submsg_replay":      {pinned, "the triggers of the table that it updates run under the caller's; it runs with his rights"},
	"submsg_watch":       {[]string{"TimeZone"}, "the rule shows times in the zone of whoever defines it"},
	"submsglist_guard":   {[]string{"TimeZone"}, "a refusal tells the time in the zone of whoever reads it"},
	"submsgrule_encoded": {pinned, "its body was read when it was made"},
}

// Every function that somebody else than the owner can call, or make run by a trigger, pins every such setting. The
// others can't be reached but through one that does.
func TestEveryFunctionPinsItsSettings(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	type function struct {
		Name, Source string
		Settings     []string
		Reachable    bool
		Read         bool // its body, when it was made
	}
	rows, _ := s.Query(t.Context(), s.named(`SELECT proname::text AS name, prosrc AS source, prosqlbody IS NOT NULL AS read,
		ARRAY(SELECT split_part(c, '=', 1) FROM unnest(proconfig) AS c) AS settings,
		prorettype = 'trigger'::regtype OR has_function_privilege('public', oid, 'EXECUTE') OR EXISTS (
			SELECT FROM pg_roles WHERE rolname LIKE '@%' AND has_function_privilege(rolname, p.oid, 'EXECUTE')) AS reachable
		FROM pg_proc p WHERE pronamespace = 'public'::regnamespace`))
	functions, err := pgx.CollectRows(rows, pgx.RowToStructByName[function])
	if err != nil || len(functions) < 40 {
		t.Fatalf("%d functions, %v", len(functions), err)
	}
	for _, f := range functions {
		left := unpinned[f.Name]
		if f.Name == "submsgrule_encoded" && !f.Read {
			t.Error("the body of subMsgRule_encoded is read at each call")
		}
		for _, setting := range pinned {
			if f.Reachable && !slices.Contains(f.Settings, setting) && !slices.Contains(left.settings, setting) {
				t.Errorf("%s runs under its caller's %s: write SUBMSG_SETTINGS in its header", f.Name, setting)
			}
		}
		for _, inner := range functions {
			calls := strings.Contains(strings.ToLower(f.Source), "."+inner.Name+"(")
			if len(left.settings) > 1 && !inner.Reachable && calls {
				t.Errorf("%s, which pins nothing, calls %s, which relies on its caller", f.Name, inner.Name)
			}
		}
	}
}

const things = `CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('it''s\', 'calm');
	CREATE TABLE shop.things (id bigint PRIMARY KEY, openid text, name text, price float8, day date, at timestamptz, span interval,
		raw bytea, list text[], mood shop.mood, cost money, doc xml, f boolean DEFAULT false,
		label text GENERATED ALWAYS AS (CASE WHEN name = 'a\' THEN '\' || 'b\' ELSE name || '\x' END) STORED);
	INSERT INTO shop.things SELECT g, 'o' || g, CASE WHEN g = 1 THEN 'a\' ELSE 'it''s \ ' || chr(20013) END, 0.1::float8 + 0.2, '2030-02-01',
		'2030-02-01 03:04:05.6+00', '-1 day 2 hours', '\x00ff5c27', ARRAY['a', NULL, 'b\'], 'it''s\', '1234.5', '<a>1</a>' FROM generate_series(1, 4) g`

// setting is one that a caller has chosen: its name and value.
type setting struct{ name, value string }

// engine defines rules, tests them, fires them, replays an error and forgets: all that submsg's functions do. It
// returns what came of it. A rule shows times in the zone of whoever defines it, so that the zone is set afterwards.
func engine(ctx context.Context, tx pgx.Tx, hostile []setting) ([]string, error) {
	set := func(zone bool) error {
		for _, h := range hostile {
			if (h.name == "TimeZone") == zone {
				if _, err := tx.Exec(ctx, `SELECT pg_catalog.set_config($1, $2, true)`, h.name, h.value); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := set(false); err != nil {
		return nil, err
	}
	for _, rule := range []rules.Rule{
		{Name: `it's \ one`, Table: "shop.things", Template: "t", OpenID: "openid", Flag: "f",
			DedupKey: `\{id}'{day}`, Page: `p?x={name}&'\`,
			Params: []string{"label", "price", "at", "span", "raw", "list", "mood", "cost", "doc", `=\{name}' {{`, "day",
				`{"column":"name","map":{"a\\":"it's\\","'":"x"},"else":"\\'"}`, `{"column":"price","format":"L9G999D99\""}`,
				`{"column":"at","format":"TMMonth 'DD\\"}`},
			Filter: map[string][]string{"mood": {`it's\`}, "price": {"0.30000000000000004"}}, SendAfter: "at - 1 day"},
		{Name: "two", Table: "shop.things", Template: "t", OpenID: "openid", Params: []string{"label"},
			WhenColumn: "day", WhenValues: []string{"2031-03-04"}, OnInsert: true, Hold: 90 * 60 * 1e9},
		{Name: "three", Table: "shop.things", Template: "t", OpenID: "name", WhenColumn: "doc"},
	} {
		if _, err := rules.Add(ctx, tx, rule); err != nil {
			return nil, err
		}
	}
	if err := set(true); err != nil {
		return nil, err
	}
	for _, sql := range []string{
		`UPDATE shop.things SET f = true`,
		`UPDATE shop.things SET day = $$2031-03-04$$::date WHERE id = 1`,
		`INSERT INTO shop.things (id, openid, name, day) VALUES (9, $$o9$$, $$n$$, $$2031-03-04$$)`,
		`UPDATE shop.things SET doc = $$<b/>$$ WHERE id = 2`,
		`UPDATE shop.things SET name = $$o$$ WHERE id = 2`,
		`INSERT INTO public.seen SELECT $$replay$$, to_jsonb(r) FROM public.submsg_replay(NULL::text) AS r`,
		`INSERT INTO public.seen SELECT $$test$$, to_jsonb(m) FROM shop.things AS x, public.submsg_test(x.tableoid, x.ctid) AS m`,
		`INSERT INTO public.seen SELECT $$rule$$, to_jsonb(r) - $$id$$ - $$hold$$ FROM public.submsg_rules(NULL::text) AS r`,
		`DELETE FROM shop.things WHERE id = 1`,
		`UPDATE public.subMsgList SET sendStatus = $$cancel$$ WHERE sendStatus = $$wait$$`,
		`INSERT INTO public.seen SELECT $$forgot$$, to_jsonb(f) FROM public.subMsg_forget(0::bigint, 100, ARRAY[$$cancel$$], ARRAY[$$1 day$$::interval]) AS f`,
	} {
		if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
	}
	if _, err := tx.Exec(ctx, `RESET ALL`); err != nil {
		return nil, err
	}
	rows, _ := tx.Query(ctx, `SELECT concat_ws(' ', what, (it - 'upto' - 'sendafter')::text) FROM seen
		UNION ALL SELECT concat_ws(' | ', openid, parameterArr, sendStatus, sendStatusMsg, page, dedupKey, sendAfter > now()) FROM subMsgList
		UNION ALL SELECT concat_ws(' | ', error, rowKey, rowData) FROM subMsgRuleError
		UNION ALL SELECT concat_ws(' | ', plan, query) FROM subMsgRule
		UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'shop.things'::regclass
		UNION ALL SELECT concat_ws(' ', id, f) FROM shop.things ORDER BY 1`)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// Whatever the caller sets, the functions do the same: every setting that an ordinary login may change, in each of its
// values where these can be counted. All settings are tried at once, each in another value; one by one they are
// tried to tell which it was.
func TestHostileSettings(t *testing.T) {
	t.Parallel()
	s := newShop(t, things, `CREATE TABLE seen (what text, it jsonb)`)
	try := func(hostile []setting) ([]string, error) {
		tx, err := pgtest.Connect(t, s.url).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(context.Background())
		return engine(t.Context(), tx, hostile)
	}
	plain, err := try(nil)
	if err != nil || len(plain) < 25 {
		t.Fatalf("%v: %q", err, plain)
	}
	same := func(hostile []setting) string {
		came, err := try(hostile)
		if err != nil {
			return err.Error()
		}
		return cmp.Diff(plain, came)
	}
	values := map[string][]string{"search_path": {"shop, pg_catalog, public", "pg_temp, public"},
		"DateStyle": {"SQL, DMY", "German", "Postgres, YMD"},
		"TimeZone":  {"Asia/Shanghai", "<+14>-14"}, "timezone_abbreviations": {"Australia"}, "extra_float_digits": {"-15", "3"},
		"lc_monetary": {"C.UTF-8"}, "lc_numeric": {"POSIX"}, "lc_time": {"C.UTF-8"}}
	// What is left out says when a transaction begins, or may write, and which plans are chosen: not what they give.
	for _, h := range s.texts(`SELECT name || '=' || v FROM pg_settings, unnest(coalesce(enumvals, '{on,off}')) AS v
		WHERE context = 'user' AND vartype IN ('bool', 'enum') AND v <> setting AND name NOT LIKE '%transaction%' AND name NOT LIKE 'enable%' ORDER BY 1`) {
		name, value, _ := strings.Cut(h, "=")
		values[name] = append(values[name], value)
	}
	if len(values) < 40 {
		t.Errorf("only %d settings", len(values))
	}
	for round := 0; ; round++ {
		var hostile []setting
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if round < len(values[name]) {
				hostile = append(hostile, setting{name, values[name][round]})
			}
		}
		if len(hostile) == 0 {
			break
		}
		if same(hostile) == "" {
			continue
		}
		for len(hostile) > 1 { // which one it is
			half := len(hostile) / 2
			if same(hostile[:half]) != "" {
				hostile = hostile[:half]
			} else {
				hostile = hostile[half:]
			}
		}
		t.Errorf("%v changes what the functions do: %s", hostile, same(hostile))
	}
}

// The stored query holds no text that somebody has written: constants travel as the plan.
func TestStoredQueryHoldsNoConstants(t *testing.T) {
	t.Parallel()
	s := newShop(t, things)
	const evil = `x'); DROP TABLE loot; --\`
	rule := rules.Rule{Name: evil, Table: "shop.things", Template: "t", OpenID: "openid", Flag: "f",
		WhenColumn: "name", WhenValues: []string{evil}, Filter: map[string][]string{"mood": {evil}},
		DedupKey: evil, Page: evil, Hold: 1e9, SendAfter: "+2 hours", ExpireTime: "at + 3 days",
		Params: []string{"=" + evil, `{"column":"name","map":{"x'\\":"y'\\"},"else":"'\\","null":"'\\"}`,
			`{"column":"at","format":"'\\","zone":"Asia/Shanghai"}`}}
	if _, err := rules.Add(t.Context(), s.Conn, rule); err != nil {
		t.Fatal(err)
	}
	words := `'\{[a-zA-Z0-9,"]+\}'|''|'zone'`
	left := s.texts(`SELECT regexp_replace(query, $2, '', 'g') FROM subMsgRule WHERE name = $1`, evil, words)
	if len(left) != 1 || strings.ContainsAny(left[0], `'\`) || strings.Contains(left[0], "$$") {
		t.Errorf("%q", left)
	}
}

// A generated column's expression holds constants. One ends in a backslash, which ends the text under the settings it
// was written by, and escapes the quote under others: what follows would be SQL, with the rights of submsg's owner.
func TestConstantThatEndsInABackslash(t *testing.T) {
	t.Parallel()
	const injected = ` || public.stolen())), 1) FROM (SELECT (r.n).*) AS t)) > 8192 THEN 1 END AS tooLong, (r.n).openid AS openid, ` +
		`ARRAY[]::text[] AS params, now() AS sendAfter, NULL::timestamptz AS expireTime, NULL::text AS dedupKey, NULL::text AS page, ` +
		`NULL::jsonb AS rowKey FROM (SELECT $1 AS n, $2 AS o OFFSET 0) AS r --`
	for name, rule := range map[string]string{
		"the table's owner": `ALTER TABLE shop.sales OWNER TO @clerk; GRANT USAGE, CREATE ON SCHEMA shop TO @clerk`,
		"who may update it": `GRANT USAGE ON SCHEMA shop TO @clerk; GRANT SELECT, UPDATE ON shop.sales TO @clerk`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, `CREATE ROLE @clerk; CREATE SCHEMA shop; CREATE TABLE public.loot (who text);
				CREATE FUNCTION public.stolen() RETURNS text LANGUAGE sql AS 'INSERT INTO public.loot VALUES (current_user) RETURNING who';
				CREATE TABLE shop.sales (id int PRIMARY KEY, openid text, note text, f boolean,
					label text GENERATED ALWAYS AS (left(note || 'x\' || '`+injected+`', 1)) STORED);
				INSERT INTO shop.sales VALUES (1, 'o1', 'n', false);
				SELECT submsg_watch('shop.sales', 't', 'openid', '{label}', flag => 'f')`, rule)
			s.exec(`SET SESSION AUTHORIZATION @clerk; SET standard_conforming_strings = off; UPDATE shop.sales SET f = true`)
			if name == "the table's owner" { // the query is written anew, too
				s.exec(`ALTER TABLE shop.sales RENAME openid TO buyer; UPDATE shop.sales SET f = true`)
			}
			s.exec(`RESET SESSION AUTHORIZATION; RESET standard_conforming_strings`)
			if got := s.texts(`SELECT who FROM loot UNION ALL SELECT error FROM subMsgRuleError`); len(got) > 0 {
				t.Errorf("foreign SQL ran, or the message was refused: %q", got)
			}
			for _, got := range s.texts(`SELECT array_to_string(parameterArr, '|') FROM subMsgList UNION ALL SELECT 'f' FROM shop.sales WHERE f`) {
				if got != "n" {
					t.Errorf("a message says %q", got)
				}
			}
		})
	}
}

// A warning that the client's encoding has no characters for would be an error: neither the update nor the stored error
// may be lost by it.
func TestWarningThatCannotBeSent(t *testing.T) {
	t.Parallel()
	s := newShop(t, things, `SELECT submsg_watch('shop.things', 't', 'openid', flag => 'f', onInsert => true, name => '规则');
		UPDATE shop.things SET openid = NULL; SET client_encoding = 'LATIN1'`)
	s.exec(`UPDATE shop.things SET f = true WHERE id = 1`)
	s.exec(`CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''%'', chr(20013); END';
		CREATE TRIGGER no BEFORE UPDATE ON shop.things FOR EACH ROW EXECUTE FUNCTION public.no();
		INSERT INTO shop.things (id, openid, f) VALUES (10, 'o', true)`)
	s.exec(`SET client_encoding = 'UTF8'`)
	if got := s.texts(`SELECT error FROM subMsgRuleError`); len(got) != 1 {
		t.Errorf("stored %q", got)
	}
}
