package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/migrations"
)

// database is one of the lab's own, with submsg's schema.
type database struct {
	*lab
	name, url string
	pool      *pgxpool.Pool // of the applications, and of whoever looks; the consumers have their own
	last      int           // number of the last message written
}

// workload is what is done in a database while it is measured: inserting, sending, sleeping.
type workload struct{ *database }

// appName is that of every pool of ours, the consumers' included; a consumer's listening connection has another.
const appName = "submsg bench"

// maxClients is how many applications insert at once, with some room for who looks on.
const maxClients = 64

// create makes a database. Its name is random: none that exists is ever touched.
func (l *lab) create(ctx context.Context) (d *database, err error) {
	d = &database{lab: l, name: "submsg_bench_" + strings.ToLower(rand.Text()[:12])}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.drop(ctx))
		}
	}()
	// Not to be cut off by an interrupt: nobody would know whether there is something to drop.
	creating, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if _, err := l.admin.Exec(creating, "CREATE DATABASE "+d.name+" TEMPLATE template0"); err != nil {
		return nil, fmt.Errorf("create a database to work in: %w", err)
	}
	u := *l.url
	u.Path = "/" + d.name
	d.url = u.String()
	if d.pool, err = l.connect(ctx, d.url, maxClients+4, nil); err != nil {
		return d, err
	}
	// Up to PostgreSQL 14 everybody makes objects in public.
	if _, err := d.pool.Exec(ctx, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`); err != nil {
		return d, err
	}
	return d, migrations.Up(ctx, d.url)
}

func (l *lab) connect(ctx context.Context, url string, conns int32, tracer pgx.QueryTracer) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns, cfg.ConnConfig.Tracer = conns, tracer
	cfg.ConnConfig.RuntimeParams["application_name"] = appName
	return pgxpool.NewWithConfig(ctx, cfg)
}

// with runs a figure in a database of its own.
func (l *lab) with(ctx context.Context, do func(workload) error) error {
	d, err := l.create(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(workload{d}), d.drop(ctx))
}

func (d *database) drop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if d.pool != nil {
		d.pool.Close()
	}
	_, err := d.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+d.name+" WITH (FORCE)")
	return err
}

func (d *database) exec(ctx context.Context, sql string, args ...any) error {
	_, err := d.pool.Exec(ctx, sql, args...)
	return err
}

// clear empties the table, with the triggers on and nobody to be woken, and writes all that is dirty to disk: a
// checkpoint that falls due in the middle would hit one side only.
func (d *database) clear(ctx context.Context) error {
	if err := d.exec(ctx, `TRUNCATE subMsgList`); err != nil {
		return err
	}
	if err := d.exec(ctx, `ALTER TABLE subMsgList ENABLE TRIGGER USER`); err != nil {
		return err
	}
	if err := d.exec(ctx, awakeSQL); err != nil {
		return err
	}
	err := d.exec(ctx, `CHECKPOINT`)
	if denied := new(pgconn.PgError); errors.As(err, &denied) && denied.Code == "42501" {
		return nil // the price is more noise
	}
	return err
}

// The flag of migrations/objects/wake.sql, as a consumer leaves it that is awake, and as one that sleeps.
const (
	awakeSQL  = `SELECT setval('subMsgWake', 2)`
	asleepSQL = `SELECT pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1`
)

func (d *database) triggersOff(ctx context.Context) error {
	return d.exec(ctx, `ALTER TABLE subMsgList DISABLE TRIGGER USER`)
}

func (d *database) await(ctx context.Context, what, question string, args ...any) error {
	return await(ctx, d.pool, patience, what, question, args...)
}

// await asks a yes-or-no question until it is yes.
func await(ctx context.Context, pool *pgxpool.Pool, most time.Duration, what, question string, args ...any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("waited %s for %s", most, what))
	defer cancel()
	for nap := time.Millisecond; ; nap = min(2*nap, 30*time.Millisecond) {
		var yes bool
		if err := pool.QueryRow(ctx, question, args...).Scan(&yes); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if yes {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(nap):
		}
	}
}

// patience is how long nothing may move before a figure is given up.
const patience = 30 * time.Second
