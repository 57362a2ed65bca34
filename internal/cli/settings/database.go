package settings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/migrations"
)

// Database says where Postgres is, and where in it submsg lives.
type Database struct {
	DatabaseURL string `env:"DATABASE_URL" placeholder:"postgres://…" help:"The database; if empty, PGHOST, PGDATABASE, … say where it is."`
	Schema      Schema `env:"SUBMSG_SCHEMA" placeholder:"NAME" help:"The schema that submsg lives in. Default: the first of the login's search_path, usually public."`
}

// URL checks the settings. An empty URL is fine where libpq's variables say where the database is.
func (s Database) URL() (string, error) {
	if s.DatabaseURL == "" && os.Getenv("PGHOST") == "" && os.Getenv("PGDATABASE") == "" &&
		os.Getenv("PGSERVICE") == "" {
		return "", terminal.BadUsage("no database: set DATABASE_URL, postgres://user:password@host/database, or " +
			"PGHOST and PGDATABASE; to try without one, `submsg demo`")
	}
	if _, err := ParseURL(s.DatabaseURL); err != nil {
		return "", terminal.BadUsage("%s: %w", s.named(), err)
	}
	return s.DatabaseURL, nil
}

// named is what the settings are called that say where the database is.
func (s Database) named() string {
	if s.DatabaseURL == "" {
		return "PGHOST and the other variables of libpq"
	}
	return "DATABASE_URL"
}

// Config is the settings of one connection, as the person has made them: see Pinned.
func (s Database) Config() (*pgx.ConnConfig, error) {
	url, err := s.URL()
	if err != nil {
		return nil, err
	}
	cfg, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	s.Schema.enter(cfg)
	return cfg, nil
}

// Connect makes one connection, for a command that needs no pool.
func (s Database) Connect(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := s.Config()
	if err != nil {
		return nil, err
	}
	conn, _, err := s.connect(ctx, cfg, false)
	return conn, err
}

// Migrator moves the schema of this database.
func (s Database) Migrator(tell func(text string)) (migrations.Migrator, error) {
	url, err := s.URL()
	return migrations.Migrator{URL: url, Schema: string(s.Schema), Tell: tell}, err
}

// Listen says where wakes are heard.
type Listen struct {
	ListenURL string `env:"SUBMSG_LISTEN_URL" placeholder:"postgres://…" help:"A direct connection for LISTEN, where DATABASE_URL is a transaction pooler; 'off' polls only. Default: DATABASE_URL."`
}

// WakeURL is where to listen, "" for nowhere.
func (s Listen) WakeURL(d Database) (string, error) {
	switch s.ListenURL {
	case "off":
		return "", nil
	case "":
		return d.Schema.in(cmp.Or(d.DatabaseURL, "postgres://")), nil // which takes all from PGHOST, PGDATABASE, …
	}
	if _, err := ParseURL(s.ListenURL); err != nil {
		return "", terminal.BadUsage("SUBMSG_LISTEN_URL: %w", err)
	}
	return d.Schema.in(s.ListenURL), nil
}

// Open connects to the database. A server that can't be reached yet is waited for, one that refuses is an error.
func (s Database) Open(ctx context.Context, log *logrus.Entry) (*pgxpool.Pool, error) {
	url, err := s.URL()
	if err != nil {
		return nil, err
	}
	cfg, err := parse(url)
	if err != nil {
		return nil, terminal.BadUsage("DATABASE_URL: %w", err)
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "submsg"
	}
	s.Schema.enter(cfg.ConnConfig)
	if !strings.Contains(url, "pool_max_conns") {
		// One sends, and a few others look after the rest. A connection whose statement was given up keeps its place
		// for up to 15 s, so there is room for as many again.
		cfg.MaxConns = 8
	}
	cfg.ConnConfig.OnPgError = leaveReadOnly(cfg.ConnConfig.OnPgError)
	// A network that swallows packets must not hold on to the pool's places.
	cfg.ConnConfig.ConnectTimeout = cmp.Or(cfg.ConnConfig.ConnectTimeout, 5*time.Second)
	cfg.PingTimeout = cmp.Or(cfg.PingTimeout, 2*time.Second)
	pool, err := s.open(ctx, cfg, log)
	if err != nil || s.Schema != "" {
		return pool, err
	}
	pool.Close()
	if cfg.ConnConfig, err = s.Pinned(ctx, cfg.ConnConfig); err != nil {
		return nil, err
	}
	return s.open(ctx, cfg, log)
}

func (s Database) open(ctx context.Context, cfg *pgxpool.Config, log *logrus.Entry) (*pgxpool.Pool, error) {
	pool, err := pgxpool.NewWithConfig(ctx, cfg.Copy())
	if err != nil {
		return nil, terminal.BadUsage("DATABASE_URL: %w", err)
	}
	if err := await(ctx, pool, log); err != nil {
		pool.Close()
		return nil, s.Schema.explain(cfg.ConnConfig, err)
	}
	return pool, nil
}

// leaveReadOnly also closes a connection whose server has become read-only (SQLSTATE 25006): it was demoted, and the
// next connection may find the new primary.
func leaveReadOnly(keep pgconn.PgErrorHandler) pgconn.PgErrorHandler {
	return func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		return err.Code != "25006" && keep(conn, err)
	}
}

func await(ctx context.Context, pool *pgxpool.Pool, log *logrus.Entry) error {
	for n := 0; ; n++ {
		err := ping(ctx, pool)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted while the database can't be reached: %w", err)
		}
		if !worthWaiting(err) {
			return fmt.Errorf("the database refuses: %w", err)
		}
		if n%20 == 0 {
			log.Warnf("the database can't be reached, trying again until it can: %s", terminal.OneLine(err.Error()))
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func ping(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return pool.Ping(ctx)
}

// worthWaiting tells a server that is away, starting or full (SQLSTATE classes 57 and 53) from one
// that says no: wrong password, no such database.
func worthWaiting(err error) bool {
	var pg *pgconn.PgError
	return !errors.As(err, &pg) || strings.HasPrefix(pg.Code, "57") || strings.HasPrefix(pg.Code, "53")
}
