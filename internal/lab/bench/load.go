package bench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// insertSQL is what an application does, in a transaction of its own.
const insertSQL = `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ($1, $2, $3)`

// load lets clients insert one row a transaction each, without pause, while more says so. It returns how many rows, and
// how long that took from when all were connected and had inserted once.
func (d *database) load(
	ctx context.Context, clients int, more func(i int) bool,
) (rows int, took time.Duration, err error) {
	conns, release, err := acquire(ctx, d.pool, clients)
	if err != nil {
		return 0, 0, err
	}
	defer release()
	each := func(do func(context.Context, *pgxpool.Conn) error) error {
		group, ctx := errgroup.WithContext(ctx)
		for _, c := range conns {
			group.Go(func() error { return do(ctx, c) })
		}
		return group.Wait()
	}
	if err := each(rehearse); err != nil {
		return 0, 0, err
	}
	var next, done atomic.Int64
	began := time.Now()
	err = each(func(ctx context.Context, c *pgxpool.Conn) error {
		for {
			i := int(next.Add(1))
			if !more(i) {
				return nil
			}
			if _, err := c.Exec(ctx, insertSQL, openid(d.last+i), template, params); err != nil {
				return err
			}
			done.Add(1)
		}
	})
	d.last += int(next.Load())
	return int(done.Load()), time.Since(began), err
}

// rehearse inserts and takes it back: a new session, or one after an ALTER TABLE, first reads the catalogues for some
// milliseconds.
func rehearse(ctx context.Context, c *pgxpool.Conn) error {
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertSQL, openid(0), template, params)
	return errors.Join(err, tx.Rollback(ctx))
}

// acquire takes n connections of a pool.
func acquire(ctx context.Context, pool *pgxpool.Pool, n int) (conns []*pgxpool.Conn, release func(), err error) {
	release = func() {
		for _, c := range conns {
			c.Release()
		}
	}
	for range n {
		c, err := pool.Acquire(ctx)
		if err != nil {
			release()
			return nil, nil, err
		}
		conns = append(conns, c)
	}
	return conns, release, nil
}

// until is a "more" that lasts some time from when it is first asked.
func until(duration time.Duration) func(int) bool {
	end := sync.OnceValue(func() time.Time { return time.Now().Add(duration) })
	return func(int) bool { return time.Now().Before(end()) }
}
