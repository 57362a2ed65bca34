package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const listSQL = `SELECT id, rule, tableName, template, openid, params, coalesce(flag, '') AS flag,
	coalesce(whenColumn, '') AS whenColumn, whenValues, filter, onInsert, coalesce(hold, '0') AS hold,
	coalesce(sendAfter, '') AS sendAfter, coalesce(expireTime, '') AS expireTime, coalesce(dedupKey, '') AS dedupKey,
	coalesce(page, '') AS page, coalesce(problem, '') AS problem, errors, call
FROM submsg_rules($1::text)`

// List returns all rules, sorted by name.
func List(ctx context.Context, db DB) ([]Listed, error) { return list(ctx, db, "") }

// list returns the rule of the name, or all of them if it is "".
func list(ctx context.Context, db DB, name string) ([]Listed, error) {
	rows, err := db.Query(ctx, listSQL, orNull(name))
	if err != nil {
		return nil, fmt.Errorf("list the rules: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Listed])
	if err != nil {
		return nil, fmt.Errorf("list the rules: %w", err)
	}
	for i, l := range found {
		if l.Hold != 0 {
			found[i].HoldText = l.Hold.String()
		}
	}
	return found, nil
}

// Failure is an update whose message is missing.
type Failure struct {
	ID     int64             `json:"id"`
	Rule   string            `json:"rule"`
	At     time.Time         `json:"at" db:"createTime"`
	Error  string            `json:"error"`
	RowKey map[string]string `json:"rowKey,omitempty"` // nil if the table has no key
}

const failuresSQL = `SELECT e.id, r.name AS rule, e.createTime, e.error, e.rowKey
FROM subMsgRuleError e JOIN subMsgRule r ON r.id = e.ruleId
WHERE r.name = $1 ORDER BY e.createTime DESC, e.id DESC LIMIT $2`

// Show returns one rule with its newest failures, at most limit of them. ErrNoRule if there is none.
func Show(ctx context.Context, db DB, name string, limit int) (Listed, []Failure, error) {
	if name == "" {
		return Listed{}, nil, ErrNoRule
	}
	found, err := list(ctx, db, name)
	if err != nil {
		return Listed{}, nil, err
	}
	if len(found) == 0 {
		return Listed{}, nil, ErrNoRule
	}
	rows, err := db.Query(ctx, failuresSQL, name, limit)
	if err != nil {
		return Listed{}, nil, fmt.Errorf("read the rule's failures: %w", err)
	}
	failures, err := pgx.CollectRows(rows, pgx.RowToStructByName[Failure])
	if err != nil {
		return Listed{}, nil, fmt.Errorf("read the rule's failures: %w", err)
	}
	return found[0], failures, nil
}
