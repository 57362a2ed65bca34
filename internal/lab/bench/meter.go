package bench

import "context"

// meter is what a server has spent so far.
type meter struct {
	wal     int64 // bytes, of the whole server
	buffers int64 // read or found, by this database
}

// The position is that of the last insertion, flushed or not.
const meterSQL = `
SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint, blks_hit + blks_read FROM pg_stat_database WHERE datname = $1`

// read is asked from another database, so that it counts itself in none.
func (d *database) read(ctx context.Context) (m meter, err error) {
	err = d.admin.QueryRow(ctx, meterSQL, d.name).Scan(&m.wal, &m.buffers)
	return m, err
}

// rest closes our own connections and waits until nobody is connected any more: a session hands in its counts late, at
// the latest when it ends.
func (d *database) rest(ctx context.Context) error {
	d.pool.Reset()
	return await(ctx, d.admin, patience, "connections to end", `
		SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend')`, d.name)
}

// spent is what n messages cost when do is done with them, each: WAL in bytes, buffers.
func (d *database) spent(ctx context.Context, n int, do func() error) ([]float64, error) {
	if err := d.clear(ctx); err != nil {
		return nil, err
	}
	if err := d.rest(ctx); err != nil {
		return nil, err
	}
	before, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	if err := do(); err != nil {
		return nil, err
	}
	if err := d.rest(ctx); err != nil {
		return nil, err
	}
	after, err := d.read(ctx)
	each := func(now, then int64) float64 { return float64(now-then) / float64(n) }
	return []float64{each(after.wal, before.wal), each(after.buffers, before.buffers)}, err
}
