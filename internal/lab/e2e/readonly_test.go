package e2e

import (
	"errors"
	"io"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// A session on a server that became read-only is given up, so that the next may find the new primary.
func TestReadOnlySessionIsLeft(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	pool, err := settings.Database{DatabaseURL: pgtest.DB(t) + "&pool_max_conns=1"}.Open(t.Context(),
		logrus.NewEntry(log))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	session := func() (pid int) {
		if err := pool.QueryRow(t.Context(), `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	first := session()
	if _, err := pool.Exec(t.Context(), `SET default_transaction_read_only = on`); err != nil || session() != first {
		t.Fatalf("not one session: %v", err)
	}
	_, err = pool.Exec(t.Context(), `UPDATE subMsgList SET page = ''`)
	if refused := new(pgconn.PgError); !errors.As(err, &refused) || refused.Code != "25006" {
		t.Fatalf("error = %v, want SQLSTATE 25006", err)
	}
	if session() == first {
		t.Error("the session is still in use")
	}
	if _, err := pool.Exec(t.Context(), `UPDATE subMsgList SET page = ''`); err != nil {
		t.Error(err)
	}
}
