// Package pgtest gives each test a PostgreSQL database of its own, cloned from a migrated template in some ten
// milliseconds.
//
// A test binary that asks for a database gets one private server (see package pgembed), which goes when the binary
// ends, even if it panics, times out or is killed. With TEST_DATABASE_URL set, that server is used instead; its role
// needs CREATEDB, and two-phase commit a max_prepared_transactions of 64. SUBMSG_KEEP_DB=1 keeps the databases of
// failed tests.
//
// It knows no test and no message. Begin at DB; server.go starts the server, template.go makes what is cloned.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/lab/pgembed"
)

// opTimeout bounds each single step on the server: creating, migrating or dropping a database.
const opTimeout = time.Minute

// kept counts the databases that failed tests left to be looked at.
var kept atomic.Int32

// Main is to be called from TestMain. It runs the tests, stops the server if one was started, and exits. Where failed
// tests kept databases on the private server, it first waits for an interrupt, as they go with the server.
func Main(m *testing.M) { MainFunc(m.Run) }

// MainFunc is Main for a TestMain that has something to do around m.Run: run returns the exit code.
func MainFunc(run func() int) {
	code := run()
	if s := started.Load(); s != nil {
		if kept.Load() > 0 && s.private != nil {
			waitForInterrupt()
		}
		if err := s.close(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func waitForInterrupt() {
	fmt.Fprintln(os.Stderr, "pgtest: the server stays up for the databases kept; interrupt (Ctrl-C) to end it")
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	<-interrupt
}

// DB makes a database with submsg in its schema public, the example orders and their rule included, and returns its
// URL. The database goes with the test.
func DB(t testing.TB) string {
	t.Helper()
	return clone(t, withOrders)
}

// DBWithoutOrders is DB without the example.
func DBWithoutOrders(t testing.TB) string {
	t.Helper()
	return clone(t, withoutOrders)
}

// Installation makes a database in which submsg lives as it does beside a shop: in a schema of its own, whose name
// needs quotes, of a login that is no superuser; the schema isn't on the login's search_path. In public there is the
// shop's own table orders, which is none of ours, and on which the login may make rules. The URL is that login's.
func Installation(t testing.TB) (url, schema string) {
	t.Helper()
	return asInstaller(clone(t, installation)), InstallationSchema
}

// Empty is DB without anything of submsg.
func Empty(t testing.TB) string {
	t.Helper()
	return use(t).database(t, "template0")
}

func clone(t testing.TB, k kind) string {
	t.Helper()
	s := use(t)
	template, err := s.templates[k]()
	if err != nil {
		t.Fatalf("pgtest: the template database %s: %v", kinds[k].name, err)
	}
	return s.database(t, template)
}

// Pool connects to a new DB. It is closed at the end of the test.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), DB(t))
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Connect opens a connection to a database. It is closed at the end of the test.
func Connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Server is the private server of this test binary, for tests that need more of it than a database. All tests of the
// binary share it.
func Server(t testing.TB) *pgembed.Server {
	t.Helper()
	s := use(t)
	if s.private == nil {
		t.Fatal("pgtest: this test needs a server of its own: unset TEST_DATABASE_URL")
	}
	return s.private
}

func (s *server) database(t testing.TB, template string) string {
	t.Helper()
	name := databaseName(t.Name())
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	if err := s.create(ctx, name, template); err != nil {
		t.Fatalf("pgtest: create a database: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() && os.Getenv("SUBMSG_KEEP_DB") == "1" {
			kept.Add(1)
			t.Logf("pgtest: database kept: %s", s.url(name))
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
		defer cancel()
		if err := s.drop(ctx, name); err != nil {
			t.Errorf("pgtest: drop the database: %v", err)
		}
	})
	return s.url(name)
}
