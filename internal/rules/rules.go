// Package rules defines, lists, tries out and repairs rules: which changes of which tables insert which messages.
//
// The work is done by SQL functions (submsg_watch, submsg_rules and others, in migrations/objects/rules), which
// anybody may call from any client; this package gives them Go's types. It knows neither template files nor how a
// message is sent. What the functions refuse comes back as *pgconn.PgError: its Message says what is wrong, its Hint
// what would be right.
//
// Begin with Rule and Add, below; README.md beside this file tells what a rule can do and which file does it.
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

// Rule is what submsg_watch takes. A field that is empty keeps the default of its parameter there.
type Rule struct {
	Name       string              `json:"name" db:"rule"`
	Table      string              `json:"table" db:"tableName"` // as in SQL: shop.refunds, "Odd"."Table"
	Template   string              `json:"template"`
	OpenID     string              `json:"openid"`         // a column
	Params     []string            `json:"params"`         // goods, =text with {column}, or {"column": …, "map": …}
	Flag       string              `json:"flag,omitempty"` // a boolean column
	WhenColumn string              `json:"whenColumn,omitempty"`
	WhenValues []string            `json:"whenValues,omitempty"`
	Filter     map[string][]string `json:"filter,omitempty"`
	OnInsert   bool                `json:"onInsert,omitempty"`
	Hold       time.Duration       `json:"-"`
	SendAfter  string              `json:"sendAfter,omitempty"`  // +2 hours, or pickup_at - 1 hour
	ExpireTime string              `json:"expireTime,omitempty"` // the same
	DedupKey   string              `json:"dedupKey,omitempty"`   // a text with {column}
	Page       string              `json:"page,omitempty"`       // a text with {column}
}

// Listed is a rule as it is in the database now, also after its columns were renamed.
type Listed struct {
	Rule
	ID       int64  `json:"id"`
	HoldText string `json:"hold,omitempty" db:"-"` // Rule.Hold as "30s"
	Problem  string `json:"problem,omitempty"`     // why it makes no messages; "" if it does
	Errors   int64  `json:"errors"`                // updates whose message is missing
	Call     string `json:"call"`                  // the SQL that makes it again
}

// ErrNoRule says that there is no rule of the name.
var ErrNoRule = errors.New("there is no such rule")

const addSQL = `SELECT submsg_watch($1::text::regclass, template => $2, openid => $3, params => $4,
	flag => $5, whenColumn => $6, whenValues => $7, filter => $8, onInsert => $9, hold => $10,
	sendAfter => $11, expireTime => $12, dedupKey => $13, page => $14, name => $15)`

// Add makes a rule, or replaces the one of its name, and returns its name. A rule without a name is called after its
// table and template; if there is a rule of that name already which says otherwise, this is an error.
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
	err = db.QueryRow(ctx, addSQL, r.Table, r.Template, r.OpenID, params,
		orNull(r.Flag), orNull(r.WhenColumn), r.WhenValues, filter, r.OnInsert, hold,
		orNull(r.SendAfter), orNull(r.ExpireTime), orNull(r.DedupKey), orNull(r.Page), orNull(r.Name)).Scan(&name)
	if err != nil {
		return "", fmt.Errorf("define the rule: %w", err)
	}
	return name, nil
}

// orNull is NULL for a text that isn't given.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

const removeSQL = `SELECT submsg_unwatch($1::text)`

// Remove deletes a rule and its stored errors; the messages that it made stay. ErrNoRule if there is none.
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
