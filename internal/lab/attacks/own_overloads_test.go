package attacks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/rules"
)

// ownOverloadsSQL makes functions that fit better than our own do: for each function of ours and each of its arguments,
// one that takes another type there, so that a call whose argument has just that type finds it; and one for each call
// that leaves out arguments with defaults.
const ownOverloadsSQL = `
WITH own AS (
    SELECT p.oid, proname, pronargdefaults, ARRAY(SELECT a FROM unnest(proargtypes) WITH ORDINALITY AS u (a, i) ORDER BY i) AS args,
        coalesce((SELECT 'TABLE (' || string_agg(format('%I %s', n, format_type(a, NULL)), ', ' ORDER BY i) || ')'
            FROM unnest(proargnames, proargmodes, proallargtypes) WITH ORDINALITY AS u (n, m, a, i) WHERE m IN ('o', 't')),
            CASE WHEN proretset THEN 'SETOF ' ELSE '' END || format_type(prorettype, NULL)) AS result
    FROM pg_catalog.pg_proc p WHERE pronamespace = $1::text::regnamespace AND proowner <> current_user::regrole AND pronargs > 0
), given (type) AS (
    SELECT t::regtype::oid FROM unnest('{text,varchar,bpchar,name,"\"char\"",boolean,smallint,integer,bigint,double precision,numeric,oid,regclass,
        regnamespace,regtype,tid,date,timestamptz,timestamp,interval,jsonb,json,uuid,record,anyelement,anynonarray,anyarray,
        text[],varchar[],name[],bigint[],smallint[],int2vector,integer[],oid[],oidvector,interval[],jsonb[],anycompatible}'::text[]) AS t
    UNION ALL
    SELECT reltype FROM pg_catalog.pg_class WHERE relkind IN ('r', 'v', 'c', 'p') AND relnamespace::regnamespace::text = ANY ($2)
), better (proname, result, types) AS (
    SELECT proname, result, args[:i - 1] || type || args[i + 1:] FROM own, generate_subscripts(args, 1) AS i, given
    UNION
    SELECT proname, result, args[:n] FROM own, generate_series(cardinality(args) - pronargdefaults, cardinality(args) - 1) AS n
)
SELECT format('CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING %L; PERFORM attack.note(%L); RETURN%s; END $$',
    $1, proname, list, result, 'foreign ' || call, call, CASE WHEN result ~ '^(TABLE|SETOF|void)' THEN '' ELSE ' NULL' END)
FROM (SELECT DISTINCT proname, result, types, array_to_string(ARRAY(
    SELECT format_type(a, NULL) FROM unnest(types) WITH ORDINALITY AS u (a, n) ORDER BY n), ', ') AS list FROM better) AS b,
    LATERAL (SELECT proname || '(' || list || ')') AS c (call)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = $1::text::regnamespace AND p.proname = b.proname
    AND p.proargtypes = array_to_string(types, ' ')::oidvector)`

// plantOwnOverloads makes, in submsg's schema, functions of our own names that fit better. shown are other schemas
// whose tables are types of arguments.
func (v *victim) plantOwnOverloads(schema string, shown ...string) {
	v.t.Helper()
	v.exec(`GRANT CREATE, USAGE ON SCHEMA ` + schema + ` TO @clerk; SET ROLE @clerk; SET search_path = pg_catalog`)
	statements := texts(v.t, v.Conn, ownOverloadsSQL, schema, append(shown, schema))
	if len(statements) < 2000 {
		v.t.Errorf("only %d overloads", len(statements))
	}
	v.exec(strings.Join(statements, ";\n") + `; RESET search_path; RESET ROLE`)
	v.t.Logf("%d overloads of our own names", len(statements))
}

// A function of our name that fits a call better than ours does runs instead of it: with the rights of submsg's owner
// where a trigger fires, with those of an administrator where he defines, tests or replays a rule. So every call of
// our own functions has exactly the types that they are declared with.
func TestBetterFittingOfOurNames(t *testing.T) {
	t.Parallel()
	v := newVictim(t, pgtest.DB(t))
	v.exec(things)
	v.exec(`CREATE TABLE shop.parts (id bigint, openid text, state text) PARTITION BY LIST (id);
		CREATE TABLE shop.part PARTITION OF shop.parts DEFAULT; CREATE TABLE seen (what text, it jsonb); GRANT USAGE ON SCHEMA shop TO @clerk`)
	v.plantOwnOverloads("public", "shop")
	var called []string // the warnings of the functions, which no rollback takes back
	cfg := v.Config()
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if strings.HasPrefix(n.Message, "foreign ") && !slices.Contains(called, n.Message) {
			called = append(called, n.Message)
		}
	}
	owner, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	does := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if len(called) > 0 {
			t.Errorf("%s runs %q", what, called)
		}
		called = nil
	}
	tx, err := owner.Begin(t.Context())
	if err == nil {
		_, err = engine(t.Context(), tx, nil)
		err = errors.Join(err, tx.Commit(t.Context()))
	}
	does("what rules do", err)
	for _, condition := range []string{"paid", "paid", "sent"} {
		_, err = rules.Add(t.Context(), owner, rules.Rule{Name: "parts", Table: "shop.parts", Template: "t",
			OpenID: "openid", WhenColumn: "state", WhenValues: []string{condition}, OnInsert: true})
		does("defining a rule of partitions", err)
	}
	_, err = owner.Exec(t.Context(), `INSERT INTO shop.parts VALUES (1, 'o1', 'sent'), (2, NULL, 'sent');
		ALTER TABLE shop.parts RENAME state TO condition; UPDATE shop.parts SET condition = 'new'; UPDATE shop.parts SET condition = 'sent'`)
	does("firing it", err)
	_, err = rules.List(t.Context(), owner)
	does("listing", err)
	_, err = rules.Test(t.Context(), owner, "shop.parts", "", 10)
	does("testing", err)
	_, err = rules.Replay(t.Context(), owner, "parts")
	does("replaying", err)
	does("removing", rules.Remove(t.Context(), owner, "parts"))
}
