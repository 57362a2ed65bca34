package roles

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// It looks at every object whose name begins with submsg, so that what later migrations make is covered. Functions are
// told without their arguments. Owners hold all rights, so of the schema only the ownership is told. Whose the objects
// are, and who may make others, package migrations looks at.
const heldSQL = `
WITH holder AS (
    SELECT name FROM unnest($1::text[]) AS name WHERE name = 'public' OR name IN (SELECT rolname FROM pg_roles)
), option (asked, told) AS (
    VALUES ('', ''), (' WITH GRANT OPTION', 'GRANT OPTION FOR ')
), relation AS (
    SELECT oid, relkind = 'S' AS sequence, pg_get_userbyid(relowner) AS owner,
        CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END || quote_ident(relname) AS name
    FROM pg_class
    WHERE relnamespace = quote_ident($2)::regnamespace AND relname LIKE 'submsg%' AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
), function AS (
    SELECT oid, pg_get_userbyid(proowner) AS owner, format(CASE WHEN proname = ANY ($3) AND row_number() OVER (PARTITION BY proname ORDER BY oid) = 1
            THEN 'FUNCTION %I' ELSE 'FUNCTION %I(%s)' END, proname, pg_get_function_identity_arguments(oid)) AS name
    FROM pg_proc WHERE pronamespace = quote_ident($2)::regnamespace AND proname LIKE 'submsg%'
), house AS (
    SELECT oid, pg_get_userbyid(nspowner) AS owner, 'SCHEMA' AS name FROM pg_namespace WHERE nspname = $2
)
SELECT h.name, told || verb, r.name, ''
FROM holder h, option, relation r, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]
    || CASE WHEN current_setting('server_version_num')::int >= 170000 THEN '{MAINTAIN}'::text[] END) AS verb
WHERE owner <> h.name AND NOT sequence AND has_table_privilege(h.name, r.oid, verb || asked)
UNION ALL
SELECT h.name, told || verb, r.name, quote_ident(attname)
FROM holder h, option, unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS verb,
    relation r JOIN pg_attribute ON attrelid = r.oid AND (attnum > 0 OR attname = 'ctid') AND NOT attisdropped
WHERE owner <> h.name AND NOT sequence AND has_column_privilege(h.name, r.oid, attnum, verb || asked)
    AND NOT has_table_privilege(h.name, r.oid, verb || asked)
UNION ALL
SELECT h.name, told || verb, r.name, '' FROM holder h, option, relation r, unnest('{USAGE,SELECT,UPDATE}'::text[]) AS verb
WHERE owner <> h.name AND sequence AND has_sequence_privilege(h.name, r.oid, verb || asked)
UNION ALL
SELECT h.name, told || 'EXECUTE', f.name, '' FROM holder h, option, function f
WHERE owner <> h.name AND has_function_privilege(h.name, f.oid, 'EXECUTE' || asked)
UNION ALL
SELECT h.name, told || 'USAGE', s.name, '' FROM holder h, option, house s
WHERE owner <> h.name AND has_schema_privilege(h.name, s.oid, 'USAGE' || asked)
UNION ALL
SELECT owner, 'OWNER', name, '' FROM house WHERE owner IN (SELECT name FROM holder)
ORDER BY 3, 1, 2, 4`

// right is leave to do one thing with one column, or with the whole where column is "". Names are as stored, but for
// the role's.
type right struct{ role, verb, on, column string }

// granted are the functions that the grants name, as stored.
func granted() (names []string) {
	for _, g := range grants {
		if name, ok := strings.CutPrefix(g.on, "FUNCTION "); ok {
			names = append(names, strings.ToLower(name))
		}
	}
	return names
}

// held returns the rights of the roles and of PUBLIC, in an order to read them in, and the line that takes the schema
// from a role that owns it.
func (n Naming) held(ctx context.Context, tx pgx.Tx) (held []right, owned []string, err error) {
	rows, err := tx.Query(ctx, heldSQL, append(n.groups(), public), n.Schema, granted())
	if err != nil {
		return nil, nil, err
	}
	var r right
	_, err = pgx.ForEachRow(rows, []any{&r.role, &r.verb, &r.on, &r.column}, func() error {
		if r.role != public {
			r.role = strings.TrimPrefix(r.role, n.Prefix+"_")
		}
		if r.verb == "OWNER" {
			owned = append(owned, fmt.Sprintf("ALTER %s OWNER TO CURRENT_USER;", n.object(r.on)))
		} else {
			held = append(held, r)
		}
		return nil
	})
	return held, owned, err
}
