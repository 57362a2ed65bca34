package bench

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// ownNote is what a server at rest may write by itself, in bytes: a snapshot for standbys, once within 15 s of the last
// WAL.
const ownNote = 150

// idle looks at a server with nothing to do. The limit is the same server without a consumer.
func (l suite) idle(ctx context.Context) ([]Line, error) {
	var lines []Line
	err := l.withFake(ctx, 0, func(f *fake, d workload) error {
		client, err := f.client(ctx, l.cfg.Senders)
		if err != nil {
			return err
		}
		defer client.Close()
		if err := d.clear(ctx); err != nil {
			return err
		}
		l.step("idle: %s without a consumer", l.cfg.Scale.IdleFor)
		limit, err := d.idleFor(ctx, new(tracer))
		if err != nil {
			return err
		}
		l.step("idle: %s with one", l.cfg.Scale.IdleFor)
		var product []float64
		t := new(tracer)
		err = d.consume(ctx, client, l.cfg.Senders, t, func(time.Time) error {
			if err := d.asleep(ctx); err != nil {
				return err
			}
			t.quiet() // it may still be falling asleep
			product, err = d.idleFor(ctx, t)
			return err
		})
		lines = []Line{
			compare("idle, queries", PerSecond, product[:1], nil, valueAtMost(0.5)),
			compare("idle, WAL", BytesPerS, product[1:], limit[1:], valueAtMost(ownNote/l.cfg.Scale.IdleFor.Seconds())),
		}
		return err
	})
	return lines, err
}

// idleFor counts statements and WAL per second.
func (d workload) idleFor(ctx context.Context, t *tracer) ([]float64, error) {
	d.pool.Reset()
	before, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	t.reset()
	began := time.Now()
	e := statementCounter{d: d.database}
	for time.Since(began) < d.cfg.Scale.IdleFor {
		if err := e.look(ctx); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(min(100*time.Millisecond, d.cfg.Scale.IdleFor-time.Since(began))):
		}
	}
	took := time.Since(began).Seconds()
	statements, _, _ := t.read()
	after, err := d.read(ctx)
	return []float64{float64(statements+e.heard) / took, float64(after.wal-before.wal) / took}, err
}

// statementCounter counts the statements of connections that no tracer sees, such as the listening one. They are so
// rare that looking often enough finds each.
type statementCounter struct {
	d     *database
	last  map[int32]time.Time // by server process, when its last statement began; nil before the first look
	heard int
}

const statementsSQL = `
SELECT pid, query_start FROM pg_stat_activity
WHERE datname = $1 AND backend_type = 'client backend' AND application_name <> $2 AND query_start IS NOT NULL`

func (e *statementCounter) look(ctx context.Context) error {
	rows, err := e.d.admin.Query(ctx, statementsSQL, e.d.name, appName)
	if err != nil {
		return err
	}
	now := map[int32]time.Time{}
	var pid int32
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&pid, &at}, func() error {
		if e.last != nil && !at.Equal(e.last[pid]) {
			e.heard++
		}
		now[pid] = at
		return nil
	})
	e.last = now
	return err
}
