package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/lab/pgembed"
)

// server is where the databases live.
type server struct {
	admin    *pgxpool.Pool
	private  *pgembed.Server          // nil when TEST_DATABASE_URL is used
	url      func(name string) string // of a database on it
	fileCopy string                   // the clause for the fastest way to clone, where there is a choice
	open     bool                     // everybody makes objects in the schema public of a new database

	templates map[kind]func() (string, error) // makes each template once, returns its name
}

var (
	start   = sync.OnceValues(newServer)
	started atomic.Pointer[server]
)

// use returns the test binary's server; the first call starts it.
func use(t testing.TB) *server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	started.Store(s)
	return s
}

func newServer() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*opTimeout)
	defer cancel()
	s := &server{templates: map[kind]func() (string, error){}}
	for k := range kinds {
		s.templates[k] = sync.OnceValues(func() (string, error) { return s.makeTemplate(k) })
	}
	adminURL := os.Getenv("TEST_DATABASE_URL")
	if adminURL == "" {
		private, err := pgembed.Start(ctx, pgembed.Config{Test: true})
		if err != nil {
			return nil, fmt.Errorf("%w\n(or set TEST_DATABASE_URL to a server whose role may create databases)", err)
		}
		s.private, s.url, adminURL = private, private.DatabaseURL, private.URL()
	} else if err := s.useURL(adminURL); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, adminURL); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// useURL derives the URLs of the test databases from the one in TEST_DATABASE_URL.
func (s *server) useURL(adminURL string) error {
	base, err := url.Parse(adminURL)
	if err != nil || (base.Scheme != "postgres" && base.Scheme != "postgresql") {
		return errors.New("TEST_DATABASE_URL: want a URL like postgres://user:password@host:5432/postgres")
	}
	query := base.Query()
	query.Del("dbname")
	base.RawQuery = query.Encode()
	s.url = func(name string) string {
		u := *base
		u.Path = "/" + name
		return u.String()
	}
	return nil
}

func (s *server) connect(ctx context.Context, adminURL string) error {
	config, err := pgxpool.ParseConfig(adminURL)
	if err != nil {
		return err
	}
	config.MaxConns = 4
	if s.admin, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	const about = `SELECT current_setting('server_version_num')::int, rolcreatedb OR rolsuper, rolname
		FROM pg_roles WHERE rolname = current_user`
	var number int
	var mayCreate bool
	var role string
	if err := s.admin.QueryRow(ctx, about).Scan(&number, &mayCreate, &role); err != nil {
		return err
	}
	switch {
	case number < 140000:
		return fmt.Errorf("PostgreSQL 14 or later is needed, the server's server_version_num is %d", number)
	case !mayCreate:
		return fmt.Errorf("role %q of TEST_DATABASE_URL may not create databases: ALTER ROLE %s CREATEDB",
			role, quote(role))
	case number >= 150000:
		s.fileCopy = " STRATEGY file_copy"
	default:
		s.open = true
	}
	return nil
}

func (s *server) close() error {
	if s.admin != nil {
		s.admin.Close()
	}
	if s.private == nil {
		return nil
	}
	return s.private.Stop()
}

func (s *server) create(ctx context.Context, name, template string) error {
	_, err := s.admin.Exec(ctx, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template)+s.fileCopy)
	if err != nil || !s.open || template != "template0" {
		return err
	}
	conn, err := pgx.Connect(ctx, s.url(name))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	return errors.Join(err, conn.Close(ctx))
}

func (s *server) drop(ctx context.Context, name string) error {
	_, err := s.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
	return err
}

func quote(identifier string) string { return pgx.Identifier{identifier}.Sanitize() }

// databaseName is the test's name in the letters that need no quotes, and something random. PostgreSQL allows 63 bytes.
func databaseName(test string) string {
	random := strings.ToLower(rand.Text()[:10])
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(test))
	return name[:min(len(name), 63-1-len(random))] + "_" + random
}
