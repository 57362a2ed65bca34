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
	RowKey     map[string]string `json:"rowKey,omitempty"` // nil: the table has no key
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

// The table's name comes from the catalogue, quoted; %s is the caller's own SQL, run with the caller's own rights.
const testSQL = `SELECT m.rule, m.template, m.rowKey, coalesce(m.openid, ''), coalesce(m.params, '{}'), m.sendAfter, m.expireTime, coalesce(m.dedupKey, ''), coalesce(m.page, ''), coalesce(m.problem, '')
FROM (SELECT * FROM %[1]s WHERE %[2]s
LIMIT %[3]d) AS r, LATERAL submsg_test(r::%[1]s) AS m`

// Test returns what an update of at most limit rows of the table would make: one Preview a row and rule, as if the update set
// the flag, or changed the column to what it is. where is SQL; "" is all rows. It runs in a transaction that may not write,
// and is rolled back. Tables without rules give nothing.
func Test(ctx context.Context, db DB, table, where string, limit int) (previews []Preview, err error) {
	tx, err := db.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("test the rules: %w", err)
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	var name string
	if _, err = tx.Exec(ctx, `SET TRANSACTION READ ONLY; SET LOCAL lock_timeout = '2s'`); err == nil {
		err = tx.QueryRow(ctx, `SELECT format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE c.oid = $1::text::regclass`, table).Scan(&name)
	}
	if err != nil {
		return nil, fmt.Errorf("test the rules: %w", err)
	}
	if where == "" {
		where = "true"
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(testSQL, name, where, limit), pgx.QueryExecModeExec) // one statement only, whatever the URL says
	if err == nil {
		previews, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Preview])
	}
	if err != nil {
		return nil, fmt.Errorf("test the rules: %w", err)
	}
	return previews, nil
}
