package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Whoever may make objects in submsg's schema can make what a statement of submsg finds there: a table under a name
// that a later version uses, with a trigger on it, or a function of a name of ours. So in this schema nobody but its
// owner, those who may become the owner and superusers make objects, and what bears a name of ours belongs to one of
// them. `migrate up` refuses any other schema, and `submsg roles --check` and `submsg doctor` tell of it.

// Foreign is something in the schema that lets others run code as those who use submsg.
type Foreign struct {
	Says string // what it is
	Mend string // the statement that mends it
}

// creatorsSQL tells who else may make objects. CASCADE is for those to whom these may have handed the right on.
const creatorsSQL = `
SELECT format('%s may make objects in schema %I', who, nspname),
    format('REVOKE CREATE ON SCHEMA %I FROM %s', nspname, who) || CASE WHEN grantable THEN ' CASCADE' ELSE '' END
FROM pg_namespace s CROSS JOIN LATERAL (
    SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ') AS who,
        bool_or(is_grantable) AS grantable
    FROM aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
    WHERE privilege_type = 'CREATE' AND CASE grantee WHEN 0 THEN true ELSE NOT pg_has_role(grantee, nspowner, 'MEMBER') END
) AS others
WHERE nspname = $1 AND who IS NOT NULL`

// objectsOfOthersSQL tells which objects of our names aren't the owner's. All names of ours begin with submsg. In an
// installation the tables keep their rows; the rest may do anything, so it is dropped, and the next migration makes it
// anew.
const objectsOfOthersSQL = `
WITH place AS (
    SELECT oid, nspname, nspowner, quote_ident(pg_get_userbyid(CASE nspowner WHEN 'pg_database_owner'::regrole
        THEN (SELECT datdba FROM pg_database WHERE datname = current_database()) ELSE nspowner END)) AS owner,
        EXISTS (SELECT FROM pg_class c WHERE relnamespace = n.oid AND relname = $2 AND pg_has_role(relowner, nspowner, 'MEMBER')) AS made
    FROM pg_namespace n WHERE nspname = $1
), relation AS (
    SELECT c.oid, relkind, relowner, format('%I.%I', nspname, relname) AS name
    FROM pg_class c JOIN place p ON relnamespace = p.oid WHERE relname ~ '^_*submsg'
), object (name, kind, role, mend) AS (
    SELECT r.name, k.kind, relowner, format(CASE WHEN made AND relkind IN ('r', 'p', 'f', 'S') THEN 'ALTER %1$s %2$s OWNER TO %3$s'
        ELSE 'DROP %1$s %2$s CASCADE' END, k.kind, r.name, owner)
    FROM relation r JOIN (VALUES ('r', 'TABLE'), ('p', 'TABLE'), ('f', 'FOREIGN TABLE'), ('S', 'SEQUENCE'), ('v', 'VIEW'),
        ('m', 'MATERIALIZED VIEW'), ('i', 'INDEX'), ('I', 'INDEX'), ('c', 'TYPE')) AS k (letter, kind) ON relkind = k.letter::"char", place
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('i', 'a')
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM relation)) -- a sequence that goes with its table
        AND NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = r.oid AND indrelid IN (SELECT oid FROM relation)) -- so does an index
  UNION ALL
    SELECT oid::regprocedure::text, kind, proowner, format('DROP %s %s CASCADE', kind, f.oid::regprocedure)
    FROM (SELECT f.*, CASE prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END AS kind
        FROM pg_proc f WHERE pronamespace = (SELECT oid FROM place) AND proname ~ '^_*submsg') AS f
  UNION ALL
    SELECT oid::regtype::text, 'TYPE', typowner, format('DROP TYPE %s CASCADE', oid::regtype)
    FROM pg_type WHERE typnamespace = (SELECT oid FROM place) AND typname ~ '^_*submsg' AND typrelid = 0
        AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = pg_type.oid) -- the array type of another
  UNION ALL
    SELECT format('%I ON %s', tgname, r.name), 'TRIGGER', proowner, format('DROP TRIGGER %I ON %s', tgname, r.name)
    FROM relation r JOIN pg_trigger ON tgrelid = r.oid AND NOT tgisinternal JOIN pg_proc f ON f.oid = tgfoid
)
SELECT format('the %s %s belongs to %I', lower(kind), name, pg_get_userbyid(role)), mend
FROM object, place WHERE NOT pg_has_role(role, nspowner, 'MEMBER') ORDER BY kind = 'TRIGGER' DESC, kind, name`

// FindForeign looks for what is foreign in a schema. It finds Postgres's own names only, whatever else there is. An
// object of a transaction that began before the right was taken away, and that ends later, isn't seen: so who takes
// the right looks again.
func FindForeign(ctx context.Context, conn interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}, schema string) (found []Foreign, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL search_path = `+cataloguePath); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, creatorsSQL, schema) // its error comes from CollectRows
		creators, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Foreign])
		if err != nil {
			return err
		}
		rows, _ = tx.Query(ctx, objectsOfOthersSQL, schema, VersionTable) // the same
		objects, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Foreign])
		found = append(creators, objects...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for what others have put into schema %s: %w", schema, err)
	}
	return found, nil
}

// mostForeign are named in one sentence.
const mostForeign = 5

// Describe says in one sentence what is foreign, and in another the statements that mend it.
func Describe(found []Foreign) (says, mend string) {
	var what, statements []string
	for _, f := range found[:min(len(found), mostForeign)] {
		what, statements = append(what, f.Says), append(statements, f.Mend)
	}
	says, mend = strings.Join(what, ", "), strings.Join(statements, "; ")
	if more := len(found) - len(what); more > 0 {
		says += fmt.Sprintf(" (and %d more)", more)
	}
	return says, mend
}

// refuseForeign is the error of a schema in which others than its owner have a say. Nobody else can make anything any
// more once the right to is gone, so what comes up later was begun before: it is looked for at the end, too.
func (r *run) refuseForeign(ctx context.Context, conn interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}) error {
	found, err := FindForeign(ctx, conn, r.name)
	if err != nil || len(found) == 0 {
		return err
	}
	says, mend := Describe(found)
	return errors.New(says + ": submsg would run what they put there; look at it, then let " + r.ownerName() +
		" or a superuser run " + mend + "; or name another schema with --schema (SUBMSG_SCHEMA)")
}
