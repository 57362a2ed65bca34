package attacks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/rules"
)

// Between an error and its replay, the table's owner changes the table so that it runs code of his. Whoever replays,
// tests or lists rules runs none of it, or he would do what the owner may not.
func TestReplayRunsNoForeignCode(t *testing.T) {
	t.Parallel()
	const domain = `CREATE DOMAIN shop.key AS int CHECK (shop.spy(VALUE)); ALTER TABLE shop.sales ALTER id TYPE shop.key;`
	for name, code := range map[string]string{
		"a domain as key":         domain,
		"a domain as a parameter": `CREATE DOMAIN shop.word AS text CHECK (shop.spy(VALUE)); ALTER TABLE shop.sales ALTER goods TYPE shop.word`,
		"a cast of the key":       `CREATE TYPE shop.mood AS ENUM ('1'); CREATE FUNCTION shop.mood(text) RETURNS shop.mood LANGUAGE plpgsql AS 'BEGIN PERFORM shop.spy($1); RETURN $1; END'; CREATE CAST (text AS shop.mood) WITH FUNCTION shop.mood(text) AS IMPLICIT; ALTER TABLE shop.sales ALTER id TYPE shop.mood USING '1'`,
		"an operator of the key":  `CREATE TYPE shop.mood AS ENUM ('1'); CREATE FUNCTION shop.eq(shop.mood, text) RETURNS boolean LANGUAGE sql AS 'SELECT shop.spy($2)'; CREATE OPERATOR shop.= (LEFTARG = shop.mood, RIGHTARG = text, FUNCTION = shop.eq); ALTER TABLE shop.sales ALTER id TYPE shop.mood USING '1'`,
		"a composite key":         domain + `CREATE TYPE shop.pair AS (a shop.key); ALTER TABLE shop.sales DROP CONSTRAINT sales_pkey; ALTER TABLE shop.sales ALTER id TYPE shop.pair USING ROW(id::int)::shop.pair; ALTER TABLE shop.sales ADD PRIMARY KEY (id)`,
		"a trigger":               `CREATE FUNCTION shop.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM shop.spy(1); RETURN NEW; END'; CREATE TRIGGER t BEFORE UPDATE ON shop.sales FOR EACH ROW EXECUTE FUNCTION shop.t()`,
		"a trigger by statement":  `CREATE FUNCTION shop.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM shop.spy(1); RETURN NULL; END'; CREATE TRIGGER t AFTER UPDATE ON shop.sales FOR EACH STATEMENT EXECUTE FUNCTION shop.t()`,
		"a trigger's condition":   `CREATE TRIGGER t BEFORE UPDATE ON shop.sales FOR EACH ROW WHEN (shop.spy(NEW.id)) EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
		"a CHECK":                 `ALTER TABLE shop.sales ADD CHECK (shop.spy(id))`,
		"a CHECK of built-ins":    `ALTER TABLE shop.sales ADD CHECK (query_to_xml('SELECT shop.spy(1)', true, true, '') IS NOT NULL)`,
		"a generated column":      `CREATE FUNCTION shop.made(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM shop.spy($1); RETURN 1; END'; ALTER TABLE shop.sales ADD made int GENERATED ALWAYS AS (shop.made(id)) STORED`,
		"an index":                `CREATE FUNCTION shop.made(boolean) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM shop.spy($1); RETURN 1; END'; CREATE INDEX ON shop.sales (shop.made(f))`,
		"an index's predicate":    `CREATE FUNCTION shop.part(boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN shop.spy($1); END'; CREATE INDEX ON shop.sales (id) WHERE shop.part(f)`,
		"row security":            `ALTER TABLE shop.sales ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.sales USING (shop.spy(id))`,
		"a rule":                  `CREATE RULE r AS ON UPDATE TO shop.sales DO ALSO SELECT shop.spy(NEW.id)`,
		"a child":                 `CREATE TABLE shop.child () INHERITS (shop.sales); INSERT INTO shop.child SELECT * FROM shop.sales; ALTER TABLE shop.child ADD CHECK (shop.spy(id)), ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.child USING (shop.spy(id))`,
		"a view in its place":     `ALTER TABLE shop.sales RENAME TO gone; CREATE VIEW shop.sales AS SELECT g.*, shop.spy(g.id) AS seen FROM shop.gone g; GRANT SELECT ON shop.sales TO @keeper`,
	} {
		for kind, rule := range map[string]string{
			"flag":    sale,
			"no flag": strings.Replace(sale, "flag => 'f'", "whenColumn => 'openid'", 1),
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				s := newShop(t, `CREATE TABLE public.loot (who text); GRANT INSERT ON loot TO PUBLIC`, salesroom,
					`GRANT CREATE ON SCHEMA shop TO @owner; GRANT SELECT, UPDATE ON shop.sales TO @keeper; SET ROLE @owner;
					CREATE FUNCTION shop.spy(anyelement) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN
						IF current_setting(''transaction_read_only'') THEN RAISE ''spied''; END IF; INSERT INTO public.loot VALUES (current_user); RETURN true; END'; RESET ROLE;
					SET ROLE @keeper; `+rule+`; RESET ROLE; UPDATE shop.sales SET openid = NULL, f = true;
					ALTER TABLE shop.sales DISABLE TRIGGER "~submsg"; UPDATE shop.sales SET openid = 'o2'; ALTER TABLE shop.sales ENABLE TRIGGER "~submsg"`)
				s.exec(`ALTER TABLE shop.sales OWNER TO @owner; SET ROLE @owner; SET check_function_bodies = off;` + code + `; RESET ROLE`)
				s.exec(`SET ROLE @keeper`)
				told := s.texts(`SELECT concat_ws(' ', rule, sent, failed, gone, error) FROM submsg_replay()`)
				if len(told) != 1 {
					t.Errorf("replayed: %q", told)
				}
				_, err := rules.Test(t.Context(), s.Conn, "shop.sales", "", 10)
				if strings.Contains(fmt.Sprint(err), "spied") {
					t.Error("code of the table's owner ran as whoever tests")
				}
				_, _ = rules.List(t.Context(), s.Conn)
				s.exec(`RESET ROLE`)
				if got := s.texts(`SELECT who FROM loot WHERE who = '@keeper'`); len(got) > 0 {
					t.Errorf("code of the table's owner ran as whoever replays, %d times: %q", len(got), told)
				}
				const advice = "UPDATE shop.sales SET f = true WHERE f"
				if strings.Contains(told[0], "code of") && !strings.Contains(told[0], advice) {
					t.Errorf("the refusal doesn't say what to do: %q", told)
				}
			})
		}
	}
}

// What is not another's, or does nothing, stands in nobody's way.
func TestReplayOfHarmlessTables(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{
		"built-in constraints":      `ALTER TABLE shop.sales ADD CHECK (length(goods) < 100 AND id > 0), ADD more text GENERATED ALWAYS AS (upper(goods)) STORED; CREATE INDEX ON shop.sales (lower(goods)) WHERE f`,
		"a domain as key":           `CREATE DOMAIN shop.key AS int CHECK (VALUE > 0); ALTER TABLE shop.sales ALTER id TYPE shop.key`,
		"an enum as key":            `CREATE TYPE shop.mood AS ENUM ('1'); ALTER TABLE shop.sales ALTER id TYPE shop.mood USING '1'`,
		"the caller's own function": `GRANT CREATE ON SCHEMA shop TO @keeper; SET ROLE @keeper; CREATE FUNCTION shop.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE UPDATE ON shop.sales FOR EACH ROW EXECUTE FUNCTION shop.mine()`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, salesroom, `GRANT SELECT, UPDATE ON shop.sales TO @keeper; SET ROLE @keeper; `+sale+`; RESET ROLE; UPDATE shop.sales SET openid = NULL, f = true;
				ALTER TABLE shop.sales DISABLE TRIGGER "~submsg"; UPDATE shop.sales SET openid = 'o2'; ALTER TABLE shop.sales ENABLE TRIGGER "~submsg"`,
				`SET ROLE @owner; `+before+`; RESET ROLE; SET ROLE @keeper`)
			if told := s.texts(`SELECT concat_ws(' ', rule, sent, failed, gone, error) FROM submsg_replay()`); len(told) != 1 || told[0] != "sale 1 0 0" {
				t.Errorf("replayed: %q", told)
			}
			s.exec(`RESET ROLE`)
		})
	}
}
