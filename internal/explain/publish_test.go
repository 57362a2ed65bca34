package explain_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// published reads the table by errcode or kind.
func published(t *testing.T, conn *pgx.Conn) map[string]explain.Cause {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
SELECT coalesce(errCode::text, errKind), cause, causeEnglish, nextStep, nextStepEnglish FROM subMsgCause`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]explain.Cause{}
	var key string
	var c explain.Cause
	if _, err := pgx.ForEachRow(rows, []any{&key, &c.Why.ZH, &c.Why.EN, &c.NextStep.ZH, &c.NextStep.EN}, func() error {
		got[key] = c
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// Whatever the table held before, it says afterwards what explain says; and what says that already isn't written again.
func TestPublish(t *testing.T) {
	conn := pgtest.Connect(t, pgtest.DB(t))
	exec(t, conn, `DELETE FROM subMsgCause WHERE errCode IN (43101, -1) OR errKind = 'crashed'`)
	exec(t, conn, `UPDATE subMsgCause SET nextStepEnglish = 'pray' WHERE errCode = 47003 OR errKind = 'expired'`)
	exec(t, conn, `INSERT INTO subMsgCause (errKind, cause, nextStep, causeEnglish, nextStepEnglish)
		VALUES ('of-a-newer-one', 'a', 'b', 'c', 'd')`)
	if err := explain.Publish(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	want := map[string]explain.Cause{
		"of-a-newer-one": {Why: explain.Text{ZH: "a", EN: "c"}, NextStep: explain.Text{ZH: "b", EN: "d"}},
	}
	for code, cause := range explain.WeChat {
		want[fmt.Sprint(code)] = cause
	}
	for kind, cause := range explain.Kinds {
		want[string(kind)] = cause
	}
	if got := published(t, conn); !maps.Equal(got, want) {
		for key, cause := range want {
			if got[key] != cause {
				t.Errorf("%s: %+v, want %+v", key, got[key], cause)
			}
		}
		t.Errorf("%d causes, want %d", len(got), len(want))
	}
	written := func() (n int64) {
		if err := conn.QueryRow(t.Context(), `SELECT max(xmin::text::bigint) FROM subMsgCause`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := written()
	if err := explain.Publish(t.Context(), conn); err != nil || written() != before {
		t.Errorf("published twice: the newest row is of transaction %d, before of %d, %v", written(), before, err)
	}
}

// Several processes may start at once, on an empty table.
func TestPublishAtOnce(t *testing.T) {
	url := pgtest.DB(t)
	exec(t, pgtest.Connect(t, url), `DELETE FROM subMsgCause`)
	var all sync.WaitGroup
	for range 4 {
		conn := pgtest.Connect(t, url)
		all.Go(func() {
			if err := explain.Publish(t.Context(), conn); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := published(t, pgtest.Connect(t, url)); len(got) != len(explain.WeChat)+len(explain.Kinds) {
		t.Errorf("%d causes, want %d", len(got), len(explain.WeChat)+len(explain.Kinds))
	}
}

// The worker's rights are enough, fewer are not, and then a person is told what to do.
func TestPublishRights(t *testing.T) {
	url := pgtest.DB(t)
	conn := pgtest.Connect(t, url)
	role := "publishes_" + conn.Config().Database
	exec(t, conn, `CREATE ROLE "`+role+`"; GRANT SELECT ON subMsgCause TO "`+role+`"`)
	defer exec(t, conn, `RESET ROLE; DROP OWNED BY "`+role+`"; DROP ROLE "`+role+`"`)
	exec(t, conn, `UPDATE subMsgCause SET cause = ''; DELETE FROM subMsgCause WHERE errCode = 43101; SET ROLE "`+role+`"`)
	if err := explain.Publish(t.Context(), conn); err == nil || !strings.Contains(err.Error(), "submsg roles") {
		t.Errorf("without the rights: %v", err)
	}
	exec(t, conn, `RESET ROLE; GRANT INSERT, UPDATE ON subMsgCause TO "`+role+`"; SET ROLE "`+role+`"`)
	if err := explain.Publish(t.Context(), conn); err != nil {
		t.Error(err)
	}
	exec(t, conn, `RESET ROLE; DROP TABLE subMsgCause CASCADE`)
	if err := explain.Publish(t.Context(), conn); err == nil || !strings.Contains(err.Error(), "migrate up") {
		t.Errorf("without the table: %v", err)
	}
}
