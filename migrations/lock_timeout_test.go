package migrations_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

func TestHeldUpBy(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"55P03": true, "40P01": true, "42P01": false, "42501": false} {
		pg := &pgconn.PgError{Code: code}
		within := database.Error{OrigErr: pg}
		for _, err := range []error{pg, fmt.Errorf("while: %w", pg), within, fmt.Errorf("while: %w", &within)} {
			if migrations.HeldUp(err) != want {
				t.Errorf("%T %s: %t", err, code, !want)
			}
		}
	}
	if migrations.HeldUp(nil) || migrations.HeldUp(errors.New("no")) {
		t.Error("held up by nobody")
	}
}

// A lock_timeout that the login or the URL has set is obeyed.
func TestLockTimeout(t *testing.T) {
	t.Parallel()
	for params, want := range map[string]string{"": "200ms", "&lock_timeout=3s": "3s"} {
		conn, err := pgx.Connect(t.Context(), pgtest.Empty(t)+params)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var pid int
		var timeout string
		if err := conn.QueryRow(t.Context(), migrations.LockTimeoutSQL, "200").Scan(&pid, nil); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), `SHOW lock_timeout`).Scan(&timeout); err != nil || timeout != want {
			t.Errorf("%q: %s, %v; want %s", params, timeout, err, want)
		}
	}
}
