package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const listSQL = `SELECT id, rule, tableName, template, openid, params, coalesce(flag, ''), coalesce(whenColumn, ''), whenValues, filter, onInsert,
	coalesce(extract(epoch FROM hold), 0)::float8, coalesce(sendAfter, ''), coalesce(expireTime, ''), coalesce(dedupKey, ''), coalesce(page, ''),
	coalesce(problem, ''), errors, call FROM submsg_rules($1)`

// List returns all rules, sorted by name.
func List(ctx context.Context, db DB) ([]Listed, error) { return list(ctx, db, nil) }

func list(ctx context.Context, db DB, name *string) ([]Listed, error) {
	rows, err := db.Query(ctx, listSQL, name)
	if err != nil {
		return nil, fmt.Errorf("list the rules: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Listed, err error) {
		var filter []byte
		var hold float64 // seconds
		err = row.Scan(&l.ID, &l.Name, &l.Table, &l.Template, &l.OpenID, &l.Params, &l.Flag, &l.WhenColumn, &l.WhenValues, &filter, &l.OnInsert,
			&hold, &l.SendAfter, &l.ExpireTime, &l.DedupKey, &l.Page, &l.Problem, &l.Errors, &l.Call)
		if err != nil {
			return l, err
		}
		if l.Hold = time.Duration(hold * float64(time.Second)); l.Hold != 0 {
			l.HoldText = l.Hold.String()
		}
		if filter != nil {
			err = json.Unmarshal(filter, &l.Filter)
		}
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the rules: %w", err)
	}
	return found, nil
}

// Failure is an update whose message is missing.
type Failure struct {
	ID     int64             `json:"id"`
	Rule   string            `json:"rule"`
	At     time.Time         `json:"at"`
	Error  string            `json:"error"`
	RowKey map[string]string `json:"rowKey,omitempty"` // nil: the table has no key
}

const failuresSQL = `SELECT e.id, r.name, e.createTime, e.error, e.rowKey FROM subMsgRuleError e JOIN subMsgRule r ON r.id = e.ruleId
WHERE r.name = $1 ORDER BY e.createTime DESC, e.id DESC LIMIT $2`

// Show returns one rule with its newest failures, at most limit of them. ErrNoRule if there is none.
func Show(ctx context.Context, db DB, name string, limit int) (Listed, []Failure, error) {
	found, err := list(ctx, db, &name)
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
	failures, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Failure])
	if err != nil {
		return Listed{}, nil, fmt.Errorf("read the rule's failures: %w", err)
	}
	return found[0], failures, nil
}
