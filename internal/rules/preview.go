package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Preview is what a rule would make of a row.
type Preview struct {
	Rule       string            `json:"rule"`
	Template   string            `json:"template"`
	RowKey     map[string]string `json:"rowKey,omitempty"` // nil if the table has no key
	OpenID     string            `json:"openid"`
	Params     []string          `json:"params"`
	SendAfter  time.Time         `json:"sendAfter"`
	ExpireTime *time.Time        `json:"expireTime,omitempty"`
	DedupKey   string            `json:"dedupKey,omitempty"`
	Page       string            `json:"page,omitempty"`
	Problem    string            `json:"problem,omitempty"` // why there would be no message; "" if there would
}

// Key is the row's key as text, "id=7".
func (p Preview) Key() string {
	var parts []string
	for column, value := range p.RowKey {
		parts = append(parts, column+"="+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

const tableSQL = `SELECT pg_catalog.format('%I.%I', nspname, relname), relkind IN ('r', 'p')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE c.oid = $1::text::regclass::oid`

// The table's name comes quoted from the catalogue. The condition is the caller's own SQL, run with the caller's own
// rights; a line break follows it, because it may end in a comment.
const testSQL = `SELECT m.rule, m.template, m.rowKey, coalesce(m.openid, '') AS openid, coalesce(m.params, '{}') AS params,
	least(greatest(m.sendAfter, 'epoch'), '9999-01-01') AS sendAfter,
	CASE WHEN m.expireTime IS NOT NULL THEN least(greatest(m.expireTime, 'epoch'), '9999-01-01') END AS expireTime,
	coalesce(m.dedupKey, '') AS dedupKey, coalesce(m.page, '') AS page,
	coalesce(m.problem, '') AS problem
FROM (SELECT tableoid, ctid FROM %[1]s WHERE %[2]s
LIMIT %[3]d) AS r, LATERAL submsg_test(r.tableoid, r.ctid) AS m`

// Test returns what an update of at most limit rows of the table would make: one Preview for each row and rule, as if
// the update set the flag, or changed the column to the value that it has. where is a condition in SQL; "" means all
// rows. It runs in a transaction that can't write and is rolled back. A table without rules gives no previews. It runs
// no code of the table's owner: no view, and a policy of row security is an error.
func Test(ctx context.Context, db DB, table, where string, limit int) (previews []Preview, err error) {
	tx, err := db.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("test the rules: %w", err)
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	var name string
	var isTable bool
	const set = `SET TRANSACTION READ ONLY; SET LOCAL lock_timeout = '2s'; SET LOCAL row_security = off`
	if _, err = tx.Exec(ctx, set); err == nil {
		err = tx.QueryRow(ctx, tableSQL, table).Scan(&name, &isTable)
	}
	if err != nil {
		return nil, fmt.Errorf("test the rules: %w", err)
	}
	if !isTable {
		return nil, fmt.Errorf("test the rules: %s is no table: name the table whose rows it shows", name)
	}
	if where == "" {
		where = "true"
	}
	// This mode takes one statement only, whatever mode the database's URL asks for.
	rows, err := tx.Query(ctx, fmt.Sprintf(testSQL, name, where, limit), pgx.QueryExecModeExec)
	if err == nil {
		previews, err = pgx.CollectRows(rows, pgx.RowToStructByName[Preview])
	}
	if err != nil {
		return nil, fmt.Errorf("test the rules: %w", err)
	}
	return previews, nil
}
