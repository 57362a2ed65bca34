package roles

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

const lackingSQL = `
SELECT verb || CASE WHEN col <> '' THEN format(' (%s)', col) ELSE '' END || ' ON ' || object
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS r (kind, object, verb, col, n)
WHERE NOT coalesce(CASE kind
    WHEN 'SCHEMA' THEN has_schema_privilege(to_regnamespace(object)::oid, verb)
    WHEN 'SEQUENCE' THEN has_sequence_privilege(object, verb)
    WHEN 'FUNCTION' THEN has_function_privilege(to_regproc(object)::oid, verb)
    ELSE CASE WHEN col = '' THEN has_table_privilege(object, verb) ELSE has_column_privilege(object, col, verb) END END, false)
ORDER BY n`

// Lacking returns what the connection's user may not do of what submsg serve does: "SELECT (openid) ON
// public.subMsgList". It asks by what the user may do, not by whose member it is.
func (n Naming) Lacking(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	var kinds, objects, verbs, columns []string
	for _, g := range grants {
		if g.role != worker && g.role != public {
			continue
		}
		kind, name := n.kindAndName(g.on)
		of := g.columns
		if len(of) == 0 {
			of = []string{""}
		}
		for _, c := range of {
			kinds, objects = append(kinds, kind), append(objects, name)
			verbs, columns = append(verbs, g.verb), append(columns, strings.ToLower(c))
		}
	}
	var lacking []string
	err := readCatalogue(ctx, conn, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, lackingSQL, kinds, objects, verbs, columns) // its error comes from CollectRows
		var err error
		lacking, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at the login's rights: %w", err)
	}
	return lacking, nil
}
