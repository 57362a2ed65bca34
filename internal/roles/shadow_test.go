package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// The attacker is a clerk: may update orders, and may make objects in our schema, as everybody could before
// PostgreSQL 15. Code of his that runs with the owner's rights writes into loot, which he may not.
func newAttack(t *testing.T) *db {
	t.Helper()
	d := newDB(t)
	d.exec(`CREATE ROLE @clerk;
		GRANT CREATE ON SCHEMA public TO PUBLIC;
		GRANT SELECT, UPDATE ON orders TO @clerk;
		CREATE TABLE loot (via text, who text);
		INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1.50, 2);
		SELECT submsg_watch('orders', 't', 'openid', '{name,cardNumber,payMoney,balance,remark}', flag => 'isSendMsg', whenColumn => 'status', whenValues => '{paid}', name => 'orders')`)
	return d
}

// attack lets the clerk make his objects and update the order. It tells whose rights his code ran with, and wants the
// order to have become a message.
func (d *db) attack(objects string) {
	d.t.Helper()
	conn := pgtest.Connect(d.t, d.url)
	do := func(sql string) {
		d.t.Helper()
		if _, err := conn.Exec(d.t.Context(), d.named(sql)); err != nil {
			d.t.Fatalf("%s: %v", sql, err)
		}
	}
	do(`SET SESSION AUTHORIZATION @clerk`)
	do(objects)
	do(`UPDATE public.orders SET status = 'paid', isSendMsg = true`)
	if via := one[string](d, `SELECT coalesce(string_agg(via, ', '), '') FROM loot`); via != "" {
		d.t.Errorf("foreign code ran with the owner's rights: %s", via)
	}
	if got := one[string](d, `SELECT array_to_string(parameterArr, '|') FROM subMsgList WHERE openid = 'o1' AND sendStatus = 'wait'`); got != "n|c|1.50|2|" {
		d.t.Errorf("the message says %q", got)
	}
	if one[bool](d, `SELECT isSendMsg FROM orders`) {
		d.t.Error("the flag wasn't reset")
	}
}

// steal is the body of a hostile function. It hides its failure where it runs with the clerk's rights only.
func steal(via string) string {
	return fmt.Sprintf(`BEGIN
		BEGIN
			INSERT INTO public.loot VALUES ('%s', current_user);
		EXCEPTION WHEN insufficient_privilege THEN NULL;
		END;`, via)
}

func overload(name, args, returns, result string) string {
	return "CREATE FUNCTION public." + name + "(" + args + ") RETURNS " + returns + " LANGUAGE plpgsql AS $$ " +
		steal(name+"("+args+")") + " RETURN " + result + "; END $$; " +
		"GRANT EXECUTE ON FUNCTION public." + name + "(" + args + ") TO PUBLIC;\n"
}

func operator(left, right string) string {
	name := "stolen_" + strings.NewReplacer("[]", "s", ".", "_", " ", "_").Replace(left+"_"+right)
	return overload(name, left+", "+right, "boolean", "true") +
		fmt.Sprintf("CREATE OPERATOR public.= (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.%s);\n",
			left, right, name)
}

// A function in our schema whose arguments fit better than the built-in one's is what an unqualified name means,
// wherever pg_catalog stands on the path (PostgreSQL, 10.3 Functions).
func TestBetterFittingOverloads(t *testing.T) {
	for name, objects := range map[string]string{
		"format":                overload("format", "text, text", "text", "'false'") + overload("format", "text, name", "text", "'false'"),
		"format with more":      overload("format", "text, text, text", "text", "'false'"),
		"to_jsonb":              overload("to_jsonb", "public.orders", "jsonb", "'{}'::jsonb"),
		"jsonb_populate_record": overload("jsonb_populate_record", "public.orders, jsonb", "public.orders", "$1"),
		"jsonb_build_object":    overload("jsonb_build_object", "text, boolean", "jsonb", "'{}'::jsonb") + overload("jsonb_build_object", "text, text", "jsonb", "'{}'::jsonb"),
		"jsonb_object":          overload("jsonb_object", "text[], text[]", "jsonb", "'{}'::jsonb"),
		"unnest":                overload("unnest", "text[]", "SETOF text", "QUERY SELECT ''::text"),
		"concat":                overload("concat", "text", "text", "''") + overload("concat", "numeric", "text", "''"),
		"num_nulls":             overload("num_nulls", "text", "int", "1"),
		"quote":                 overload("quote_literal", "name", "text", "''") + overload("quote_ident", "name", "text", "''"),
		"string_agg":            overload("string_agg", "text, text", "text", "''"),
		"= for regclass":        operator("regclass", "oid"),
		"= for oid":             operator("oid", "regclass") + operator("oid", "regtype") + operator("oid", "regnamespace"),
		"= for text":            operator("text", "text[]") + operator("text", "name") + operator("name", "text"),
		"a column that is none": overload("issendmsg", "public.orders", "boolean", "true") + overload("name", "public.orders", "text", "'x'"),
	} {
		t.Run(name, func(t *testing.T) { newAttack(t).attack(objects) })
	}
}

// What the clerk's own session brings along.
func TestHostileSession(t *testing.T) {
	for name, objects := range map[string]string{
		"temporary tables": `CREATE TEMP TABLE subMsgList (openid text, templateId text, parameterArr text[]);
			CREATE TEMP TABLE subMsgRule (LIKE public.orders); CREATE TEMP TABLE subMsgRuleError (a int); CREATE TEMP TABLE orders (a int);
			CREATE TEMP TABLE pg_attribute (a int); CREATE TEMP TABLE pg_type (a int);
			SET search_path = pg_temp, public`,
		"temporary functions": strings.ReplaceAll(overload("format", "text, text", "text", "''")+
			overload("pg_notify", "text, text", "void", "")+
			overload("now", "", "timestamptz", "NULL")+overload("concat", "text", "text", "''")+
			overload("subMsg_wake", "", "int", "1")+
			overload("subMsgRule_fire", "", "int", "1"), "public.", "pg_temp.") + `SET search_path = pg_temp, public`,
		"temporary types": `CREATE TYPE pg_temp.text AS ENUM ('x'); CREATE TYPE pg_temp.jsonb AS ENUM ('x'); CREATE DOMAIN pg_temp.boolean AS int;
			SET search_path = pg_temp, public`,
		"no search_path":        `SET search_path = ''`,
		"settings of plpgsql":   `SET plpgsql.extra_errors = 'all'; SET plpgsql.variable_conflict = 'error'`,
		"settings of quoting":   `SET standard_conforming_strings = off; SET quote_all_identifiers = on; SET backslash_quote = off`,
		"settings of the clock": `SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Shanghai'; SET IntervalStyle = 'iso_8601'`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newAttack(t)
			d.exec(`SELECT setval('subMsgWake', 1)`) // the insert has a consumer to wake
			d.attack(strings.ReplaceAll(objects, "pg_temp.loot", "public.loot"))
			if one[int](d, `SELECT count(*)::int FROM public.subMsgRuleError`) != 0 {
				t.Error("there was an error")
			}
		})
	}
}

// Whoever owns a business table chooses its columns' types, and those may bring code along.
func TestForeignTypes(t *testing.T) {
	const mood = `CREATE TYPE public.mood AS ENUM ('');
		ALTER TABLE public.orders ALTER remark DROP DEFAULT, ALTER remark TYPE public.mood USING '';`
	for name, objects := range map[string]string{
		"a cast to text": mood + overload("mood_text", "public.mood", "text", "'x'") +
			`CREATE CAST (public.mood AS text) WITH FUNCTION public.mood_text(public.mood) AS ASSIGNMENT;`,
		"a cast to json": mood + overload("mood_json", "public.mood", "json", "'1'") +
			`CREATE CAST (public.mood AS json) WITH FUNCTION public.mood_json(public.mood);
			ALTER TABLE public.orders RENAME name TO called; -- an error, with which the row is stored as json
			UPDATE public.orders SET status = 'paid', isSendMsg = true;
			ALTER TABLE public.orders RENAME called TO name`,
		"a domain": overload("mood_check", "text", "boolean", "true") +
			`CREATE DOMAIN public.mood AS text CHECK (public.mood_check(VALUE)); ALTER TABLE public.orders ALTER remark TYPE public.mood;`,
		"a composite": overload("mood_check", "text", "boolean", "true") +
			`CREATE DOMAIN public.mood AS text CHECK (public.mood_check(VALUE)); CREATE TYPE public.moods AS (mood public.mood); ALTER TABLE public.orders ADD more public.moods DEFAULT ROW('x');`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newAttack(t)
			d.exec(`ALTER TABLE orders OWNER TO @clerk`)
			d.attack(objects)
		})
	}
}

// The same for the flag, which the rule writes: it must be a plain boolean, or there is an error and no message.
func TestForeignFlag(t *testing.T) {
	d := newAttack(t)
	d.exec(`ALTER TABLE orders OWNER TO @clerk; DROP TRIGGER "~submsg" ON orders`) // which guards its flag's type, as long as it is there
	d.exec(`SET SESSION AUTHORIZATION @clerk`)
	d.exec(overload("flag_check", "boolean", "boolean", "true") + `
		CREATE DOMAIN public.flag AS boolean CHECK (public.flag_check(VALUE));
		ALTER TABLE orders ALTER isSendMsg TYPE flag`)
	d.exec(`RESET SESSION AUTHORIZATION`)
	d.exec(`CREATE TRIGGER "~submsg" BEFORE UPDATE ON orders FOR EACH ROW WHEN (NEW.isSendMsg) EXECUTE FUNCTION subMsgRule_fire()`)
	d.exec(`SET SESSION AUTHORIZATION @clerk; UPDATE orders SET status = 'paid', isSendMsg = true; RESET SESSION AUTHORIZATION`)
	if n := one[int](d, `SELECT count(*)::int FROM loot`); n != 0 {
		t.Error("foreign code ran with the owner's rights")
	}
	if got := one[string](d, `SELECT error || ' ' || (rowData->>'status') FROM subMsgRuleError`); got != "the flag issendmsg is no plain boolean column any more paid" {
		t.Errorf("the error says %q", got)
	}
}
