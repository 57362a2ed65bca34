package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// triggers are submsg's own triggers by table, as Postgres stores the names. submsg_rules() looks after those of rules.
var triggers = map[string][]string{
	"submsglist": {"submsglist_by_hand", "submsglist_wake_insert"},
	"submsgpause": {"submsgpause_lift", "submsgpause_spell", "submsgpause_spelled", "submsgpause_wake",
		"submsgpause_wake_truncate", "submsgpause_wake_update"},
	"submsgrule":      {"submsgrule_insert", "submsgrule_removed", "submsgrule_update"},
	"submsgruledraft": {"submsgruledraft_1_check", "submsgruledraft_2_store"},
}

// For a missing trigger, enabled is the empty text.
const triggersSQL = `
SELECT tableName AS table_name, name, coalesce(tgenabled::text, '') AS enabled
FROM unnest($1::text[], $2::text[]) AS wanted (tableName, name)
LEFT JOIN pg_trigger ON tgrelid = to_regclass(tableName)::oid AND tgname = name::name
WHERE tgenabled IS NULL OR tgenabled NOT IN ('O', 'A')
ORDER BY table_name, name`

// Triggers checks that submsg's own are there and enabled.
func (d *Database) Triggers(ctx context.Context) (Finding, error) {
	var tables, names []string
	for table, of := range triggers {
		for _, name := range of {
			tables, names = append(tables, table), append(names, name)
		}
	}
	rows, err := d.Conn.Query(ctx, triggersSQL, tables, names)
	if err != nil {
		return Finding{}, err
	}
	var says, remedies []string
	broken, err := pgx.CollectRows(rows, pgx.RowToStructByName[struct{ TableName, Name, Enabled string }])
	for _, t := range broken {
		if t.Enabled == "" {
			says = append(says, t.Name+" is missing")
			remedies = append(remedies, fmt.Sprintf("CREATE TRIGGER %s as migrations/objects has it", t.Name))
		} else {
			says = append(says, t.Name+" is disabled")
			remedies = append(remedies, fmt.Sprintf("ALTER TABLE %s ENABLE TRIGGER %s", t.TableName, t.Name))
		}
	}
	if err != nil || len(says) == 0 {
		return Fine("all %d are there and enabled", len(names)), err
	}
	return Finding{Level: Fail, Says: strings.Join(says, ", "), Remedy: strings.Join(remedies, "; ")}, nil
}
