package migrations

import (
	"cmp"
	"context"
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
	locked *pgx.Conn       // holds the lock, and looks on, with the login's rights
}

// begin takes the lock and finds the schema. The caller closes locked.
func (mr Migrator) begin(ctx context.Context) (*run, error) {
	config, err := pgxpool.ParseConfig(mr.URL)
	if err != nil {
		return nil, errors.New("its URL is neither a URL nor a list of keywords of a database")
	}
	r := &run{Migrator: mr, build: mr.files, config: config.ConnConfig}
	if r.FS == nil {
		r.build = this
	}
	var path LoginPath
	if r.locked, path, err = mr.lock(ctx, r.config); err != nil {
		return nil, err
	}
	if r.place, err = find(ctx, r.locked, path.Home); err != nil {
		r.locked.Close(context.WithoutCancel(ctx))
	}
	r.become(r.config)
	return r, err
}

// run does the steps under the lock, and says who could where the login may not.
func (mr Migrator) run(ctx context.Context, steps func(*run) error) error {
	r, err := mr.begin(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer r.locked.Close(context.WithoutCancel(ctx))
	var began time.Time
	if err := r.locked.QueryRow(ctx, `SELECT now()`).Scan(&began); err != nil {
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
	if err := r.locked.QueryRow(ctx, in(r.schema, missedSQL), since).Scan(&n); err == nil && n > 0 {
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
	var pid int
	db := stdlib.OpenDB(*r.config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, lockTimeoutSQL, fmt.Sprint(lockTimeout.Milliseconds())).Scan(&pid, nil)
	}))
	defer db.Close()
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{MigrationsTableQuoted: true,
		MigrationsTable: pgx.Identifier{r.name, VersionTable}.Sanitize()})
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
	stop := watch(ctx, r.locked, pid)
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
		stop := watch(ctx, r.locked, pid)
		defer func() { who = stop() }()
		return nil, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return do(ctx, tx) })
	})
}
