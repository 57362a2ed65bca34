package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	exampleFile = "example/orders.sql"
	exampleMark = "Example of a business table with a rule" // how the comment begins that the file gives its table
)

const ordersSQL = `
SELECT coalesce(obj_description(c.oid, 'pg_class'), ''), pg_has_role(relowner, nspowner, 'MEMBER')
FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace WHERE nspname = $1 AND relname = 'orders'`

// findOrders tells whether there is a table orders in the schema, and whether it is the example: its comment says so,
// and it belongs to the schema's owner. A shop that keeps the example as its own table changes the comment.
func (r *run) findOrders(ctx context.Context, tx pgx.Tx) (exists, ours bool, err error) {
	var comment string
	var owned bool
	err = tx.QueryRow(ctx, ordersSQL, r.name).Scan(&comment, &owned)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, false, nil
	}
	return err == nil, owned && strings.HasPrefix(comment, exampleMark), err
}

// makeOrders makes the example where it isn't there in this very text. A shop's own orders stay as they are.
func (r *run) makeOrders(ctx context.Context, tx pgx.Tx) error {
	exists, ours, err := r.findOrders(ctx, tx)
	if err != nil {
		return err
	}
	if exists && !ours {
		return fmt.Errorf("there is a table orders in schema %s that isn't the example: it stays as it is, "+
			"and everything but the example is done; to notify of your own orders make a rule, see `submsg rules "+
			"--help`",
			r.schema)
	}
	f, err := r.read(exampleFile)
	if err != nil {
		return err
	}
	hashes, err := r.applied(ctx, tx)
	if err != nil || exists && hashes[f.path].Hash == f.hash {
		return err
	}
	return r.applyFile(ctx, tx, f)
}

// dropOrders drops the example.
func (r *run) dropOrders(ctx context.Context, tx pgx.Tx) error {
	_, ours, err := r.findOrders(ctx, tx)
	if err == nil && ours {
		_, err = tx.Exec(ctx, in(r.schema, `DROP TABLE SUBMSG_SCHEMA.orders`))
	}
	return err
}
