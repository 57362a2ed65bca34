package migrations

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// run is one migration, up or down, while nobody else migrates.
type run struct {
	Migrator
	build
	place
	config *pgx.ConnConfig // of connections as the owner, which find Postgres's own names only
	conn   *pgx.Conn       // looks on, with the login's rights
	lock   *schemaLock
}

// begin finds the schema, or makes it, and takes the lock. The caller calls end, whatever comes of it.
func (mr Migrator) begin(ctx context.Context, makes bool) (*run, error) {
	config, err := pgxpool.ParseConfig(mr.URL)
	if err != nil {
		return nil, errors.New("its URL is neither a URL nor a list of keywords of a database")
	}
	r := &run{Migrator: mr, build: mr.files, config: config.ConnConfig}
	if r.FS == nil {
		r.build = this
	}
	var path LoginPath
	if r.conn, path, err = mr.connect(ctx, r.config); err != nil {
		return r, err
	}
	if r.place, err = find(ctx, r.conn, path.Home); err == nil && makes {
		err = r.make(ctx, r.conn)
	}
	if err != nil || !r.exists {
		return r, err
	}
	r.become(r.config)
	r.lock = &schemaLock{place: r.place, conn: r.conn, tell: r.tell}
	if err = r.lock.take(ctx, r.config); err != nil {
		return r, err
	}
	r.place, err = find(ctx, r.conn, path.Home) // whoever had the lock may have made something
	return r, err
}

func (r *run) end(ctx context.Context) {
	if r.lock != nil {
		r.lock.release(ctx)
	}
	if r.conn != nil {
		r.conn.Close(context.WithoutCancel(ctx))
	}
}

// run does the steps under the lock, and says who could where the login may not. Where there is no schema, makes tells
// whether to make it; without one there is nothing to do.
func (mr Migrator) run(ctx context.Context, makes bool, steps func(*run) error) error {
	r, err := mr.begin(ctx, makes)
	if r != nil {
		defer r.end(ctx)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if !r.exists {
		return nil
	}
	var began time.Time
	if err := r.conn.QueryRow(ctx, `SELECT now()`).Scan(&began); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	err = steps(r)
	if code := new(pgconn.PgError); errors.As(original(err), &code) && code.Code == "42501" {
		err = fmt.Errorf("%w: migrate as the owner of submsg's tables", err)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	r.tellMissed(ctx, began)
	return nil
}

const missedSQL = `SELECT count(*) FROM SUBMSG_SCHEMA.subMsgRuleError WHERE createTime >= $1`

// tellMissed tells how many updates made no message because the tables were locked. It is silent where subMsgRuleError
// is gone.
func (r *run) tellMissed(ctx context.Context, since time.Time) {
	var n int
	if err := r.conn.QueryRow(ctx, in(r.schema, missedSQL), since).Scan(&n); err == nil && n > 0 {
		r.tell("updates that have not become messages meanwhile: %d; `submsg rules replay` makes up for them", n)
	}
}

func (mr Migrator) tell(format string, args ...any) {
	if mr.Tell != nil {
		mr.Tell(fmt.Sprintf(format, args...))
	}
}

// move has golang-migrate apply numbered files.
type move func(*migrate.Migrate) error

// numbered lets golang-migrate move the tables, as often as a lock is in the way.
func (r *run) numbered(ctx context.Context, move move) error {
	return r.retryOnLock(ctx, func(timeout time.Duration) (holders, error) { return r.attempt(ctx, timeout, move) })
}

// attempt moves the tables, or tells who was in the way.
func (r *run) attempt(ctx context.Context, lockTimeout time.Duration, move move) (who holders, err error) {
	if err := r.lock.kept(ctx); err != nil {
		return nil, err
	}
	var pid int
	db := stdlib.OpenDB(*r.config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, lockTimeoutSQL, fmt.Sprint(lockTimeout.Milliseconds())).Scan(&pid, nil)
	}))
	defer db.Close()
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{MigrationsTableQuoted: true,
		MigrationsTable: pgx.Identifier{r.name, VersionTable}.Sanitize(),
		// It is part of the key of golang-migrate's own lock, an advisory one, which nobody shall hold.
		DatabaseName: rand.Text()})
	if err != nil {
		return nil, err
	}
	files, err := iofs.New(r.FS, ".")
	if err != nil {
		return nil, err
	}
	m, err := migrate.NewWithInstance("embedded", marked{files, r}, "postgres", driver)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	// golang-migrate takes whatever it finds of its table's name. The state is an error where that isn't the owner's.
	have, cut, err := r.state(ctx)
	if err != nil {
		return nil, err
	}
	stop := watch(ctx, r.conn, pid)
	defer func() { who = stop() }()
	if cut {
		if err := m.Force(cmp.Or(have.Version, database.NilVersion)); err != nil {
			return nil, err
		}
	}
	return nil, move(m)
}

// transact does something in one transaction, as often as a lock is in the way.
func (r *run) transact(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	return r.retryOnLock(ctx, func(lockTimeout time.Duration) (who holders, err error) {
		if err := r.lock.kept(ctx); err != nil {
			return nil, err
		}
		conn, err := pgx.ConnectConfig(ctx, r.config)
		if err != nil {
			return nil, err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		var pid int
		err = conn.QueryRow(ctx, lockTimeoutSQL, fmt.Sprint(lockTimeout.Milliseconds())).Scan(&pid, nil)
		if err != nil {
			return nil, err
		}
		stop := watch(ctx, r.conn, pid)
		defer func() { who = stop() }()
		return nil, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return do(ctx, tx) })
	})
}
