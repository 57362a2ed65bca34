package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// pinned drains while somebody's snapshot keeps every dead row version and index entry where it is, as a long report or
// a forgotten session does. The limit is the same drain without.
func (l suite) pinned(ctx context.Context) ([]Line, error) {
	var lines []Line
	name := fmt.Sprintf("pinned, drain, senders: %d", l.cfg.Senders)
	err := l.withFake(ctx, 0, func(f *fake, d workload) error {
		client, err := f.client(ctx, l.cfg.Senders)
		if err != nil {
			return err
		}
		defer client.Close()
		n := l.cfg.Scale.Drain
		drain := func(ctx context.Context) ([]float64, error) {
			took, _, err := d.refillAndSend(ctx, f, client, l.cfg.Senders, n)
			return rate(n, took), err
		}
		m, err := l.turns(ctx, name, side{"without a snapshot", drain},
			side{"with one", func(ctx context.Context) (r []float64, err error) {
				err = d.pin(ctx, func() error { r, err = drain(ctx); return err })
				return r, err
			}})
		if err == nil {
			lines = append(lines, compare(name, PerSecond, m[1][0], m[0][0], ratioAtLeast(0.90)))
		}
		return err
	})
	return lines, err
}

// pin holds a snapshot of this database while do runs.
func (d *database) pin(ctx context.Context, do func() error) error {
	return pgx.BeginTxFunc(ctx, d.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT 1`); err != nil {
			return err
		}
		err := d.await(ctx, "the snapshot", `SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = $1`,
			tx.Conn().PgConn().PID())
		if err != nil {
			return err
		}
		return do()
	})
}
