// Package rules defines, lists, tries out and repairs rules: which changes of which tables insert which messages.
//
// All of it is done by the SQL functions of migrations 000008 and 000009 (submsg_watch, submsg_rules, …), which
// anybody may call from any client; this package gives them Go's types. Their checks come back as *pgconn.PgError
// whose Message says what is wrong, and whose Hint what would be right.
package rules

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is a pool, a connection or a transaction.
type DB interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Rule is what submsg_watch takes; what is empty is left to its defaults.
type Rule struct {
	Name       string              `json:"name"`
	Table      string              `json:"table"` // as in SQL: shop.refunds, "Odd"."Table"
	Template   string              `json:"template"`
	OpenID     string              `json:"openid"`         // column
	Params     []string            `json:"params"`         // goods, =text with {column}, or {"column": …, "map": …}
	Flag       string              `json:"flag,omitempty"` // boolean column
	WhenColumn string              `json:"whenColumn,omitempty"`
	WhenValues []string            `json:"whenValues,omitempty"`
	Filter     map[string][]string `json:"filter,omitempty"`
	OnInsert   bool                `json:"onInsert,omitempty"`
	Hold       time.Duration       `json:"-"`
	SendAfter  string              `json:"sendAfter,omitempty"`  // +2 hours, or pickup_at - 1 hour
	ExpireTime string              `json:"expireTime,omitempty"` // the same
	DedupKey   string              `json:"dedupKey,omitempty"`   // text with {column}
	Page       string              `json:"page,omitempty"`       // text with {column}
}

// Listed is a rule as it is in the database, with renames of its columns followed.
type Listed struct {
	Rule
	ID       int64  `json:"id"`
	HoldText string `json:"hold,omitempty"`    // Rule.Hold as "30s"
	Problem  string `json:"problem,omitempty"` // why it makes no messages; "" if it does
	Errors   int64  `json:"errors"`            // updates whose message is missing
	Call     string `json:"call"`              // the SQL that makes it again
}

// ErrNoRule says that there is no rule of the name.
var ErrNoRule = errors.New("there is no such rule")

const addSQL = `SELECT submsg_watch($1::text::regclass, template => $2, openid => $3, params => $4, flag => $5, whenColumn => $6, whenValues => $7,
	filter => $8, onInsert => $9, hold => $10, sendAfter => $11, expireTime => $12, dedupKey => $13, page => $14, name => $15)`

// Add makes a rule, or replaces the one of its name, and returns its name. Where r.Name is empty, that is made
// of table and template, and a rule of that name which says otherwise is an error.
func Add(ctx context.Context, db DB, r Rule) (name string, err error) {
	params := r.Params
	if params == nil {
		params = []string{}
	}
	var filter any
	if len(r.Filter) > 0 {
		filter = r.Filter
	}
	var hold any
	if r.Hold != 0 {
		hold = r.Hold
	}
	err = db.QueryRow(ctx, addSQL, r.Table, r.Template, r.OpenID, params, some(r.Flag), some(r.WhenColumn), r.WhenValues,
		filter, r.OnInsert, hold, some(r.SendAfter), some(r.ExpireTime), some(r.DedupKey), some(r.Page), some(r.Name)).Scan(&name)
	if err != nil {
		return "", fmt.Errorf("define the rule: %w", err)
	}
	return name, nil
}

// some is NULL for what isn't given.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

const removeSQL = `SELECT submsg_unwatch($1)`

// Remove deletes a rule with its stored errors; messages that it made stay. ErrNoRule if there is none.
func Remove(ctx context.Context, db DB, name string) error {
	var found bool
	if err := db.QueryRow(ctx, removeSQL, name).Scan(&found); err != nil {
		return fmt.Errorf("remove the rule: %w", err)
	}
	if !found {
		return ErrNoRule
	}
	return nil
}
