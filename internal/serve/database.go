package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/migrations"
)

// database connects, migrates if told to, and makes sure of the schema's version and the login's rights.
func (c *Command) database(ctx context.Context, log *logrus.Entry) (*pgxpool.Pool, error) {
	pool, err := c.Open(ctx, log)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, pool, log); err != nil {
		pool.Close()
		return nil, behindPooler(err)
	}
	return pool, nil
}

func (c *Command) prepare(ctx context.Context, pool *pgxpool.Pool, log *logrus.Entry) error {
	state, err := migrations.StateOf(ctx, pool)
	err = cmp.Or(err, state.Check())
	if c.Migrate && (c.Orders || errors.As(err, new(*migrations.MismatchError))) {
		if err = c.migrate(ctx, log); err == nil {
			state, err = migrations.StateOf(ctx, pool)
			err = cmp.Or(err, state.Check())
		}
	}
	if err != nil || state.Newer() { // whose rights and words are the newer submsg's affair
		return err
	}
	if err := mayServe(ctx, pool); err != nil {
		return err
	}
	if err := explain.Publish(ctx, pool); err != nil {
		log.Warnf("the views show the causes that were published before: %s", terminal.OneLine(err.Error()))
	}
	return nil
}

func (c *Command) migrate(ctx context.Context, log *logrus.Entry) error {
	migrator, err := c.Migrator(func(text string) { log.Warn(terminal.OneLine(text)) })
	if err != nil {
		return err
	}
	migrator.Orders = c.Orders
	return migrator.Up(ctx)
}

// schemaWithin bounds a look at the schema: a database that doesn't answer must not keep a connection from the
// messages.
const schemaWithin = 10 * time.Second

// watchSchema returns an error when the schema has become one that this submsg can't work with, nil when ctx ends.
func watchSchema(ctx context.Context, pool *pgxpool.Pool, every time.Duration) error {
	check := func() error {
		ctx, cancel := context.WithTimeout(ctx, schemaWithin)
		defer cancel()
		state, err := migrations.StateOf(ctx, pool)
		if err != nil {
			return err
		}
		return state.CheckTables()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
		if err := check(); errors.As(err, new(*migrations.MismatchError)) {
			return fmt.Errorf("no more is sent: %w", err)
		}
	}
}

// behindPooler adds the remedy where prepared statements are mixed up between sessions (SQLSTATE 42P05, 26000).
func behindPooler(err error) error {
	if pg := new(pgconn.PgError); errors.As(err, &pg) && (pg.Code == "42P05" || pg.Code == "26000") {
		return fmt.Errorf("%w: is there a transaction pooler before the database? Then add "+
			"default_query_exec_mode=cache_describe to DATABASE_URL's parameters", err)
	}
	return err
}
