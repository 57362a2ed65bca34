package attacks

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/roles"
	"github.com/submsg/submsg/outbox"
)

// rights is a database with the roles that `submsg roles` makes, and a login of each. Roles are the server's, so their
// prefix is the test's own.
type rights struct {
	*pgx.Conn // as the owner of everything
	t         *testing.T
	url       string
	names     roles.Naming
}

// The roles, named without their prefix. A login of nobody is a member of none.
const (
	app      = "app"
	worker   = "worker"
	admin    = "admin"
	readonly = "readonly"
	nobody   = "nobody"
)

var everybody = []string{nobody, app, worker, admin, readonly}

func newRights(t *testing.T) *rights {
	t.Helper()
	return newRightsIn(t, pgtest.DB(t))
}

func newRightsIn(t *testing.T, db string) *rights {
	t.Helper()
	names := roles.Naming{Prefix: "submsg_" + strings.ToLower(rand.Text()[:8]), Schema: "public"}
	r := &rights{pgtest.Connect(t, db), t, db, names}
	t.Cleanup(r.dropRoles)
	r.exec(names.SQL())
	for _, who := range everybody {
		login := "CREATE ROLE " + r.login(who) + " LOGIN PASSWORD 'secret'"
		if who != nobody {
			login += " IN ROLE " + names.Prefix + "_" + who
		}
		r.exec(login)
	}
	return r
}

// dropRoles drops every role of the prefix, which the server would keep.
func (r *rights) dropRoles() {
	conn, err := pgx.Connect(context.Background(), r.url)
	if err != nil {
		r.t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE '`+r.names.Prefix+`%';
DO $$ DECLARE r name; BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE '`+r.names.Prefix+`%' LOOP
		EXECUTE format('DROP OWNED BY %1$I CASCADE', r);
		EXECUTE format('DROP ROLE %1$I', r);
	END LOOP;
END $$`)
	if err != nil {
		r.t.Errorf("drop the roles: %v", err)
	}
}

func (r *rights) login(who string) string { return r.names.Prefix + "_login_" + who }

// as connects as a login of that role.
func (r *rights) as(who string) *pgx.Conn {
	r.t.Helper()
	return pgtest.Connect(r.t, r.urlOf(who))
}

func (r *rights) urlOf(who string) string {
	r.t.Helper()
	u, err := url.Parse(r.url)
	if err != nil {
		r.t.Fatal(err)
	}
	u.User = url.UserPassword(r.login(who), "secret")
	return u.String()
}

func (r *rights) exec(sql string, args ...any) {
	r.t.Helper()
	if _, err := r.Exec(r.t.Context(), sql, args...); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
}

// read reads a single value.
func read[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) (v T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// try does sql in a transaction that is rolled back.
func try(t *testing.T, conn *pgx.Conn, sql string) error {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if strings.HasSuffix(sql, "FROM STDIN") {
		_, err = conn.PgConn().CopyFrom(t.Context(), strings.NewReader(""), sql)
	} else {
		_, err = tx.Exec(t.Context(), sql)
	}
	return err
}

// state is the SQLSTATE of an error, "" for none.
func state(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

const denied = "42501" // insufficient_privilege

// eventually waits for a condition; the limit is for slow machines.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// serve runs a consumer as the worker until the test ends.
func (r *rights) serve(sender outbox.Sender, log *logrus.Logger) {
	r.t.Helper()
	r.run(r.config(sender, log))
}

// config is that of a consumer whose login is a worker.
func (r *rights) config(sender outbox.Sender, log *logrus.Logger) outbox.Config {
	r.t.Helper()
	pool, err := pgxpool.New(r.t.Context(), r.urlOf(worker))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(pool.Close)
	return outbox.Config{Pool: pool, ListenURL: r.urlOf(worker), Sender: sender, Log: logrus.NewEntry(log)}
}

func (r *rights) run(cfg outbox.Config) {
	r.t.Helper()
	c, err := outbox.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
}

// until waits until a statement says true.
func (r *rights) until(sql string) {
	r.t.Helper()
	eventually(r.t, sql, func() bool { return read[bool](r.t, r.Conn, sql) })
}

func quiet() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}
