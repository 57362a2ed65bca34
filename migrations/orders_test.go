package migrations_test

import (
	"fmt"
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// The example is made when it is asked for, once, and what became of it stays.
func TestOrders(t *testing.T) {
	t.Parallel()
	url := pgtest.DBWithoutOrders(t)
	conn := connect(t, url)
	if one[bool](t, conn, `SELECT to_regclass('orders') IS NOT NULL`) {
		t.Error("nobody has asked for the example")
	}
	migrator := migrations.Migrator{URL: url, Orders: true}
	for range 2 {
		must(t, migrator.Up(t.Context()))
		exec(t, conn, `INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1, 2); UPDATE orders SET isSendMsg = true WHERE id = (SELECT max(id) FROM orders)`)
	}
	if n := one[int](t, conn, `SELECT count(*) FROM subMsgList`); n != 2 {
		t.Errorf("%d messages", n)
	}
	must(t, migrations.Up(t.Context(), url)) // without being asked for: it stays
	must(t, migrations.Check(t.Context(), conn))
	if n := one[int](t, conn, `SELECT count(*) FROM orders`); n != 2 {
		t.Errorf("%d orders", n)
	}
	exec(t, conn, `DROP TABLE orders`)
	must(t, migrations.Up(t.Context(), url)) // dropped is dropped, until it is asked for again
	if one[bool](t, conn, `SELECT to_regclass('orders') IS NOT NULL`) {
		t.Error("the example was made again")
	}
	must(t, migrator.Up(t.Context()))
	if !one[bool](t, conn, `SELECT to_regclass('orders') IS NOT NULL`) {
		t.Error("the example wasn't made again")
	}
	must(t, migrations.Down(t.Context(), url, -1))
	if one[bool](t, conn, `SELECT to_regclass('orders') IS NOT NULL`) {
		t.Error("the example is left")
	}
}

// A shop's own orders are never touched: not by the example, not by the way down.
func TestForeignOrders(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]string{
		"a table":              `CREATE TABLE orders (no text PRIMARY KEY, buyer text); COMMENT ON TABLE orders IS 'ours'`,
		"a view":               `CREATE VIEW orders AS SELECT 'x' AS no, 'y' AS buyer`,
		"what was the example": `CREATE TABLE orders (no text, buyer text); COMMENT ON TABLE orders IS 'Our shop. Was: Example of a business table with a rule'`,
	} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.Empty(t)
			conn := connect(t, url)
			exec(t, conn, make)
			before := snapshot(t, url)
			err := migrations.Migrator{URL: url, Orders: true}.Up(t.Context())
			wantError(t, err, "there is a table orders in schema public that isn't the example: it stays as it is, "+
				"and everything but the example is done")
			must(t, migrations.Check(t.Context(), conn))
			must(t, migrations.Down(t.Context(), url, -1))
			if after := snapshot(t, url); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("before %q, after %q", before, after)
			}
		})
	}
}
