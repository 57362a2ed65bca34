package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// on does something on a connection of its own.
func (w *world) on(db string, do func(*pgx.Conn) error) {
	w.t.Helper()
	conn, err := pgx.Connect(context.Background(), db)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := do(conn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) text(query string) (s string) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), query).Scan(&s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// pgDump is the program beside the private server, "" if there is none.
func pgDump(t *testing.T) string {
	if os.Getenv("TEST_DATABASE_URL") != "" {
		return "" // whose version may be another one than that of any program here
	}
	beside := filepath.Join(pgtest.Server(t).BinDir(), "pg_dump")
	if _, err := os.Stat(beside); err != nil {
		return ""
	}
	return beside
}

// dumped dumps the database as it is; restore brings that into another one, or back.
func (w *world) dumped(target string, flags ...string) (restore func() string) {
	w.t.Helper()
	dump, file := pgDump(w.t), filepath.Join(w.t.TempDir(), "shop.dump")
	run := func(program string, args ...string) {
		w.t.Helper()
		if out, err := exec.Command(filepath.Join(filepath.Dir(dump), program), args...).CombinedOutput(); err != nil {
			w.t.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	run("pg_dump", "--format=custom", "--file="+file, w.db)
	return func() string {
		w.t.Helper()
		run("pg_restore", append(flags, "--exit-on-error", "--dbname="+target, file)...)
		return target
	}
}

// copiedByTemplate copies the database within its server, which takes its sessions away for the moment.
func (w *world) copiedByTemplate() (restore func() string) {
	w.t.Helper()
	u, err := url.Parse(w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	copied := name[:min(len(name), 55)] + "_copy"
	elsewhere, target := *u, *u
	elsewhere.Path, target.Path = "/postgres", "/"+copied
	w.on(elsewhere.String(), func(c *pgx.Conn) error {
		for _, sql := range []string{`ALTER DATABASE %[1]s ALLOW_CONNECTIONS false`, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '%[1]s'`,
			`CREATE DATABASE %[2]s TEMPLATE %[1]s`, `ALTER DATABASE %[1]s ALLOW_CONNECTIONS true`} {
			if _, err := c.Exec(w.t.Context(), fmt.Sprintf(sql, name, copied)); err != nil {
				return err
			}
		}
		return nil
	})
	w.pool.Reset()
	w.t.Cleanup(func() {
		w.on(elsewhere.String(), func(c *pgx.Conn) error {
			_, err := c.Exec(context.Background(), `DROP DATABASE `+copied+` WITH (FORCE)`)
			return err
		})
	})
	return target.String
}
