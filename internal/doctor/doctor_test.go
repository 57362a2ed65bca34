package doctor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestExamine(t *testing.T) {
	find := func(f Finding, err error) func(context.Context) (Finding, error) {
		return func(context.Context) (Finding, error) { return f, err }
	}
	checks := []Check{
		{"a", nil, find(Fine("well"), nil)},
		{"b", []string{"a"}, find(Finding{Level: Warn, Says: "so so", Remedy: "wait"}, nil)},
		{"c", []string{"a", "b"}, find(Finding{}, errors.New("broken\nin two"))},
		{"d", []string{"c"}, find(Fine("never looked at"), nil)},
		{"e", []string{"d"}, find(Fine("never looked at"), nil)},
		{"f", nil, find(Finding{}, &pgconn.PgError{Code: "42501", Message: "permission denied"})},
		{"g", nil, find(Fine("left out"), nil)},
	}
	var lines []string
	failed := Examine(t.Context(), checks, []string{"g"}, func(f Finding) { lines = append(lines, f.String()) })
	want := []string{
		"ok      a              well",
		"warn    b              so so → wait",
		"fail    c              broken; in two",
		`skipped d              because it needs the check "c" to be well`,
		`skipped e              because it needs the check "d" to be well`,
		"skipped f              because the login may not look: permission denied",
		"skipped g              because --skip says so",
	}
	if diff := cmp.Diff(want, lines); diff != "" || failed != 1 {
		t.Errorf("%d failed\n%s", failed, diff)
	}
}

// The list holds all triggers that the schema has, those of later migrations too.
func TestTriggersAreAll(t *testing.T) {
	d := newDatabase(t)
	rows, err := d.Conn.Query(t.Context(), `SELECT tgrelid::regclass::text, tgname::text FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'submsg%' ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	var table, name string
	if _, err := pgx.ForEachRow(rows, []any{&table, &name}, func() error {
		got[table] = append(got[table], name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(triggers, got); diff != "" {
		t.Errorf("triggers (-list +catalogue):\n%s", diff)
	}
}

func TestTriggersLost(t *testing.T) {
	d := newDatabase(t)
	d.exec(t, `ALTER TABLE subMsgRule ENABLE REPLICA TRIGGER submsgrule_removed; ALTER TABLE subMsgList ENABLE ALWAYS TRIGGER submsglist_by_hand; DROP TABLE subMsgPause CASCADE`)
	got, err := d.Triggers(t.Context())
	want := "submsgpause_lift is missing, submsgpause_spell is missing, submsgpause_spelled is missing, " +
		"submsgpause_wake is missing, submsgpause_wake_truncate is missing, " +
		"submsgpause_wake_update is missing, submsgrule_removed is disabled"
	if err != nil || got.Level != Fail || got.Says != want {
		t.Errorf("%+v, %v; want %s", got, err, want)
	}
}

type database struct{ *Database }

func newDatabase(t *testing.T) database {
	t.Helper()
	cfg, err := pgx.ParseConfig(pgtest.DB(t))
	if err != nil {
		t.Fatal(err)
	}
	d := &Database{Config: cfg, Listen: cfg}
	if f, err := d.Connect(t.Context()); err != nil || f.Level != OK {
		t.Fatal(f, err)
	}
	t.Cleanup(d.Close)
	return database{d}
}

func (d database) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := d.Conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestCompareClocks(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		there time.Duration
		took  time.Duration
		level Level
		says  string
	}{
		{0, 0, OK, "the database's and this machine's agree"},
		{time.Second, 3 * time.Second, OK, "the database's and this machine's agree"},
		{1900 * time.Millisecond, 0, OK, "the database's and this machine's agree"},
		{4 * time.Second, 1500 * time.Millisecond, Warn, "the database's is 2.5s ahead of this machine's"},
		{-time.Hour, time.Second, Warn, "the database's is 1h0m0s behind this machine's"},
	} {
		got := compareClocks(now, now.Add(tt.took), now.Add(tt.there))
		if got.Level != tt.level || got.Says != tt.says {
			t.Errorf("%s off, asked for %s: %+v", tt.there, tt.took, got)
		}
	}
}

func TestJudgePooler(t *testing.T) {
	for _, tt := range []struct {
		direct, shared bool
		mode           pgx.QueryExecMode
		level          Level
		says           string
	}{
		{true, false, pgx.QueryExecModeCacheStatement, OK, "none, the connection is direct"},
		{false, false, pgx.QueryExecModeCacheStatement, OK, "a pooler that keeps a session for each connection"},
		{false, true, pgx.QueryExecModeCacheStatement, Fail, "a transaction pooler is in the way, and prepared statements get lost in it"},
		{false, true, pgx.QueryExecModeDescribeExec, Fail, "a transaction pooler is in the way, and prepared statements get lost in it"},
		{false, true, pgx.QueryExecModeCacheDescribe, OK, "a transaction pooler, and DATABASE_URL is set for it"},
		{false, true, pgx.QueryExecModeSimpleProtocol, OK, "a transaction pooler, and DATABASE_URL is set for it"},
	} {
		if got := judgePooler(tt.direct, tt.shared, tt.mode); got.Level != tt.level || got.Says != tt.says {
			t.Errorf("%+v: %+v", tt, got)
		}
	}
}

func TestJudgeQueue(t *testing.T) {
	for usage, want := range map[float64]Level{0: OK, 0.09: OK, 0.1: Warn, 0.49: Warn, 0.5: Fail, 1: Fail} {
		if got := judgeQueue(usage); got.Level != want || (got.Remedy == "") != (want == OK) {
			t.Errorf("%v: %+v", usage, got)
		}
	}
}

func TestJudgeVacuum(t *testing.T) {
	for _, tt := range []struct {
		server, table bool
		want          Level
	}{{true, true, OK}, {true, false, Fail}, {false, true, Fail}} {
		if got := judgeVacuum(tt.server, tt.table); got.Level != tt.want || (got.Remedy == "") != (tt.want == OK) {
			t.Errorf("%+v: %+v", tt, got)
		}
	}
}

func TestJudgeDead(t *testing.T) {
	for _, tt := range []struct {
		dead, live int64
		vacuumed   float64
		level      Level
		says       string
	}{
		{0, 0, -1, OK, "0 dead rows beside 0 live ones, never vacuumed"},
		{250_000, 1_000_000, 61, OK, "250000 dead rows beside 1000000 live ones, vacuumed 1m1s ago"},
		{250_001, 1_000_000, 0, Warn, "250001 dead rows beside 1000000 live ones, vacuumed 0s ago"},
	} {
		if got := judgeDead(tt.dead, tt.live, tt.vacuumed); got.Level != tt.level || got.Says != tt.says {
			t.Errorf("%+v", got)
		}
	}
}
