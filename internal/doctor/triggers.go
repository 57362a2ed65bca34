package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// triggers are submsg's own by table, as stored. Those of rules are the affair of submsg_rules().
var triggers = map[string][]string{
	"submsglist":  {"submsglist_by_hand", "submsglist_wake_insert"},
	"submsgpause": {"submsgpause_wake", "submsgpause_wake_truncate", "submsgpause_wake_update"},
	"submsgrule":  {"submsgrule_armed", "submsgrule_insert", "submsgrule_rearmed", "submsgrule_update"},
}

// "" is a trigger that isn't there.
const triggersSQL = `
SELECT tableName, name, coalesce(tgenabled::text, '')
FROM unnest($1::text[], $2::text[]) AS wanted (tableName, name)
LEFT JOIN pg_trigger ON tgrelid = to_regclass(tableName) AND tgname = name
WHERE tgenabled IS NULL OR tgenabled NOT IN ('O', 'A')
ORDER BY tableName, name`

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
	var table, name, enabled string
	_, err = pgx.ForEachRow(rows, []any{&table, &name, &enabled}, func() error {
		if enabled == "" {
			says, remedies = append(says, name+" is missing"), append(remedies, fmt.Sprintf("CREATE TRIGGER %s as migrations/schema.sql has it", name))
		} else {
			says, remedies = append(says, name+" is disabled"), append(remedies, fmt.Sprintf("ALTER TABLE %s ENABLE TRIGGER %s", table, name))
		}
		return nil
	})
	if err != nil || len(says) == 0 {
		return Fine("all %d are there and enabled", len(names)), err
	}
	return Finding{Level: Fail, Says: strings.Join(says, ", "), Remedy: strings.Join(remedies, "; ")}, nil
}
