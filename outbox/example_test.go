package outbox_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/outbox"
)

var (
	ctx  = context.Background()
	pool *pgxpool.Pool // the application's own
)

// The message exists if and only if the order's update is committed. Without an Output comment, go test compiles the
// example; TestExample runs it.
func ExampleInsert() {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE orders SET status = $2 WHERE id = $1`, 1, "已发货"); err != nil {
			return err
		}
		_, err := outbox.Insert(ctx, tx, outbox.Message{
			OpenID:     "oABCD5EFgh1JKlmnOPqrStuVwxYz",
			TemplateID: "orderStatus",
			Params:     []string{"生椰拿铁", "19.9", "已发货", "预计明日送达"},
			DedupKey:   "order-1-shipped",
		})
		return err
	})
	if err != nil {
		panic(err)
	}
}

// An application that tries its transaction again has one message all the same.
func TestExample(t *testing.T) {
	t.Parallel()
	pool = pgtest.Pool(t)
	ExampleInsert()
	ExampleInsert()
	rows, _ := pool.Query(t.Context(), `SELECT parameterArr FROM subMsgList`) // its error comes from CollectRows
	got, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"生椰拿铁", "19.9", "已发货", "预计明日送达"}}, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
