package ops_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// db is a connection to a database of the test's own.
type db struct {
	*pgx.Conn
	t   *testing.T
	url string
}

func newDB(t *testing.T, setup ...string) *db {
	t.Helper()
	d := connect(t, pgtest.DB(t))
	for _, sql := range setup {
		d.exec(sql)
	}
	return d
}

func connect(t *testing.T, url string) *db {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return &db{conn, t, url}
}

func (d *db) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.Exec(d.t.Context(), sql, args...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
}

// one reads a single value.
func one[T any](d *db, sql string, args ...any) (v T) {
	d.t.Helper()
	if err := d.QueryRow(d.t.Context(), sql, args...).Scan(&v); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// all reads rows of several values.
func all[T any](d *db, sql string, args ...any) []T {
	d.t.Helper()
	rows, err := d.Query(d.t.Context(), sql, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return list
}

// settled inserts messages that have come to an end some time ago: status, errcode, kind, text.
const settled = `
INSERT INTO subMsgList (openid, templateId, sendStatus, errCode, errKind, sendStatusMsg, createTime, sendTime, attempts)
SELECT 'oABCD5EFgh1JKlm' || g, $1, $2, $3::int, $4, $5, now() - $6::interval, now() - $6::interval, 1
FROM generate_series(1, $7::int) g`

// settle takes an errcode, a kind, or nil.
func (d *db) settle(n int, template, status string, code any, text, ago string) {
	d.t.Helper()
	var kind any
	if k, ok := code.(explain.Kind); ok {
		code, kind = nil, k
	}
	d.exec(settled, template, status, code, kind, text, ago, n)
}
