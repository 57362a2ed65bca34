package attacks

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// sources are the texts in which SQL stands: of the numbered files, or of the program.
func sources(t *testing.T, program bool) (all string) {
	t.Helper()
	if !program {
		names, _ := fs.Glob(migrations.FS, "0*.up.sql")
		for _, name := range names {
			text, err := fs.ReadFile(migrations.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
		return all
	}
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(path, "internal/lab") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, path)
		all += string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var called = regexp.MustCompile(`\b([a-z_][a-z0-9_]*) ?\(`)

// calls are the names that may be functions in a text.
func calls(text string) (names []string) {
	for _, m := range called.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// plantOverloads makes, in a schema, functions and operators that fit better than Postgres's own do: for each function
// of these names, and for each operator, one for every combination of types that could be handed to it, unless Postgres
// has just that.
func (v *victim) plantOverloads(schema string, names []string) {
	v.t.Helper()
	v.exec(`SET ROLE @clerk; SET client_min_messages = error; SET search_path = pg_catalog`)
	rows, err := v.Query(v.t.Context(), overloadsSQL, names)
	if err != nil {
		v.t.Fatal(err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		v.t.Fatal(err)
	}
	if len(statements) < 1000 {
		v.t.Errorf("only %d overloads", len(statements))
	}
	v.exec(`SET search_path = ` + schema + `;` + strings.Join(statements, ";\n") + `; RESET search_path; RESET ROLE`)
	v.t.Logf("%d overloads", len(statements))
}

const overloadsSQL = `
WITH RECURSIVE given (type) AS (
    SELECT t::regtype::oid FROM unnest('{text,name,"\"char\"",boolean,smallint,integer,bigint,double precision,numeric,oid,regclass,regnamespace,regrole,regproc,
        timestamptz,timestamp,interval,jsonb,uuid,text[],name[],bigint[],smallint[],integer[],oid[],interval[],uuid[],boolean[]}'::text[]) AS t
), fits (type, declared) AS ( -- what a position of a declared type takes without a cast that is written
    SELECT g.type, d.oid FROM given g JOIN pg_type t ON t.oid = g.type, pg_type d
    WHERE d.typname IN ('any', 'anyelement', 'anycompatible', 'anynonarray') OR d.typname IN ('anyarray', 'anycompatiblearray') AND t.typelem <> 0 AND t.typlen = -1
      OR d.oid = g.type OR g.type = 'text'::regtype AND d.typtype = 'b'
      OR EXISTS (SELECT FROM pg_cast WHERE castsource = g.type AND casttarget = d.oid AND castcontext = 'i')
), function AS (
    SELECT p.oid, proname, prokind, proretset, prorettype, 
        ARRAY(SELECT a FROM unnest(proargtypes) WITH ORDINALITY AS u (a, i) WHERE provariadic = 0 OR i < pronargs ORDER BY i)
            || CASE WHEN provariadic = 0 THEN '{}' ELSE array_fill(provariadic, ARRAY[n]) END AS args
    FROM pg_proc p, generate_series(1, CASE WHEN provariadic = 0 THEN 1 ELSE 2 END) AS n
    WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY ($1) AND prokind IN ('f', 'a') AND pronargs BETWEEN 1 AND 4
      AND NOT (prokind = 'a' AND pronargs <> 1) AND prorettype <> 'internal'::regtype AND NOT 'internal'::regtype = ANY (proargtypes::oid[])
), tuple AS (
    SELECT f.oid, proname, prokind, proretset, prorettype, args, ARRAY[]::oid[] AS types FROM function f
  UNION ALL
    SELECT t.oid, proname, prokind, proretset, prorettype, args, types || f.type
    FROM tuple t JOIN fits f ON f.declared = args[cardinality(types) + 1]
    WHERE cardinality(types) < cardinality(args)
      AND (cardinality(types) < 2 OR f.type = args[cardinality(types) + 1] OR f.type IN ('text'::regtype, 'bigint'::regtype)) -- enough
), better AS (
    SELECT DISTINCT ON (proname, types) *, array_to_string(ARRAY(SELECT format_type(a, NULL) FROM unnest(types) WITH ORDINALITY AS u (a, n) ORDER BY n), ', ') AS list
    FROM tuple t WHERE cardinality(types) = cardinality(args)
      AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = t.proname AND p.proargtypes = array_to_string(types, ' ')::oidvector)
), operator AS (
    SELECT DISTINCT ON (oprname, l.type, r.type) oprname, format_type(l.type, NULL) AS l, format_type(r.type, NULL) AS r, 'operator_' || l.type || '_' || r.type AS f
    FROM pg_operator o JOIN fits l ON l.declared = oprleft JOIN fits r ON r.declared = oprright
    WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprname IN ('=', '<>', '<', '<=', '>', '>=', '+', '-', '*', '/', '||', '->', '->>', '~', '!~', '~~', '!~~', '@>', '<@', '&', '>>', '%')
      AND NOT EXISTS (SELECT FROM pg_operator e WHERE e.oprnamespace = 'pg_catalog'::regnamespace AND e.oprname = o.oprname AND e.oprleft = l.type AND e.oprright = r.type)
)
SELECT format('CREATE FUNCTION %I(%s) RETURNS %s %s LANGUAGE plpgsql AS $$ BEGIN PERFORM attack.note(%L); RETURN%s; END $$', proname, list,
    CASE WHEN proretset THEN 'SETOF' ELSE '' END, CASE WHEN prorettype::regtype::text ~ '^(any|record|"any)' OR proretset THEN 'text' ELSE format_type(prorettype, NULL) END, proname || '(' || list || ')',
    CASE WHEN proretset OR prorettype = 'void'::regtype THEN '' ELSE ' NULL' END)
FROM better WHERE prokind = 'f'
UNION ALL
SELECT format('CREATE FUNCTION aggregate_%s(text, %s) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM attack.note(%L); RETURN NULL; END $$; CREATE AGGREGATE %I(%s) (SFUNC = aggregate_%1$s, STYPE = text)',
    row_number() OVER (), list, proname || '(' || list || ')', proname, list)
FROM better WHERE prokind = 'a'
UNION ALL
SELECT DISTINCT format('CREATE FUNCTION %s(%s, %s) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM attack.note(%L); RETURN true; END $$', f, l, r, l || ' operator ' || r) FROM operator
UNION ALL
SELECT format('CREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %s)', oprname, l, r, f) FROM operator`

// A CHECK, a default or an index would call a function that fits better than Postgres's own for ever.
func TestBetterFittingBeforeMigrateUp(t *testing.T) {
	t.Parallel()
	v := newVictim(t, pgtest.Empty(t))
	v.plantOverloads("public", calls(sources(t, false)+sources(t, true)))
	v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk`)
	v.migrates()
	v.exec(`SET search_path = pg_catalog`) // so that the test doesn't call them itself
	bound := texts(t, v.Conn, `SELECT pg_describe_object(classid, objid, objsubid) || ' calls ' || f.oid::regprocedure FROM pg_depend JOIN pg_proc f ON refclassid = 'pg_proc'::regclass AND refobjid = f.oid
		WHERE proowner = $1::regrole AND classid NOT IN ('pg_proc'::regclass, 'pg_operator'::regclass)
		UNION ALL SELECT pg_describe_object(classid, objid, objsubid) || ' calls ' || o.oid::regoperator FROM pg_depend JOIN pg_operator o ON refclassid = 'pg_operator'::regclass AND refobjid = o.oid
		WHERE oprowner = $1::regrole AND classid NOT IN ('pg_proc'::regclass, 'pg_operator'::regclass)`, v.clerk)
	if len(bound) > 0 {
		t.Errorf("bound for ever: %q", bound)
	}
}
