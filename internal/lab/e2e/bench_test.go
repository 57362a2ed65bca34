package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/cmd/submsg/command"
	benchcmd "github.com/submsg/submsg/internal/cli/bench"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/lab/bench"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// A figure's numbers mean nothing at this scale; that they are there, and that every message was sent once, does.
var tinyScale = bench.Scale{Rounds: 2, Drain: 200, InsertFor: 30 * time.Millisecond, Wakes: 3,
	SustainFor: 60 * time.Millisecond,
	Bulk:       300, SinglesFor: 300 * time.Millisecond,
	Base: 200, Backlog: 2000, Settled: 500, Sample: 100, Cost: 100, IdleFor: 200 * time.Millisecond,
	RestFor: 200 * time.Millisecond}

func tinyBench(t *testing.T, database string) bench.Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	return bench.Config{Self: self, DatabaseURL: database, Senders: 8, Scale: tinyScale, Log: logrus.NewEntry(log)}
}

func TestBenchMeasuresEveryFigure(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	report, err := bench.Run(t.Context(), tinyBench(t, database))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, l := range report.Lines {
		figure, _, _ := strings.Cut(l.Figure, ",")
		seen[figure]++
		waited := figure == "wake" // from the commit's answer: the request may be there first
		if l.Value < 0 && !waited || l.Value == 0 && l.Figure != "idle, WAL" && l.Figure != "idle, queries" {
			t.Errorf("%s: %g", l.Figure, l.Value)
		}
		if l.Rounds.Limit != nil && !waited && l.Ratio <= 0 && l.Figure != "idle, WAL" {
			t.Errorf("%s: ratio %g of limit %g", l.Figure, l.Ratio, l.Limit)
		}
	}
	want := map[string]int{"drain": 4, "inserts": 9, "wake": 3, "sustained": 4, "fairness": 4, "backlog": 4,
		"pinned": 1, "cost": 3, "idle": 2, "memory": 1}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("lines by figure: %s", diff)
	}
	nothingIsLeft(t, database)

	t.Run("the table has them all", func(t *testing.T) {
		var out bytes.Buffer
		benchcmd.Print(terminal.NewOutput(&out), report)
		for _, l := range report.Lines {
			if !strings.Contains(out.String(), l.Figure) || !strings.Contains(out.String(), l.Unit.Text(l.Value)) {
				t.Errorf("%s, %s is not in\n%s", l.Figure, l.Unit.Text(l.Value), out.String())
			}
		}
	})
	t.Run("JSON carries them all", func(t *testing.T) {
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		var back bench.Report
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(report, &back); diff != "" {
			t.Error(diff)
		}
	})
}

// nothingIsLeft looks for databases that a benchmark made.
func nothingIsLeft(t *testing.T, database string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var left []string
	err = conn.QueryRow(t.Context(), `SELECT array_agg(datname::text) FROM pg_database WHERE datname LIKE 'submsg\_bench\_%'`).Scan(&left)
	if err != nil || len(left) > 0 {
		t.Errorf("databases left: %q, %v", left, err)
	}
}

func TestBenchOnItsOwnPostgres(t *testing.T) {
	t.Parallel()
	cfg := tinyBench(t, "")
	cfg.Only = []string{"wake"}
	report, err := bench.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Postgres.Private || report.Postgres.Fsync != "on" || report.Postgres.SynchronousCommit != "on" {
		t.Errorf("measured on %+v, which is not as durable as production", report.Postgres)
	}
}

// TestBenchInterrupted lets each figure begin and then interrupts it. It isn't parallel: another benchmark's databases
// are not left over.
func TestBenchInterrupted(t *testing.T) {
	database := pgtest.Empty(t)
	for _, name := range bench.Names() {
		ctx, cancel := context.WithCancel(t.Context())
		cfg := tinyBench(t, database)
		cfg.Only = []string{name}
		cfg.Scale.IdleFor = time.Hour // of cost
		cfg.Progress = func(step string) {
			if strings.Contains(step, "submsg") || strings.Contains(step, "with one") ||
				strings.Contains(step, "2000 waiting: round 1") {
				cancel()
			}
		}
		if report, err := bench.Run(ctx, cfg); err == nil || ctx.Err() == nil {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		cancel()
	}
	nothingIsLeft(t, database)
}

func TestBenchMistakes(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	const role = "bench_may_not_create"
	if _, err := conn.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Exec(context.Background(), "DROP ROLE "+role) })
	for _, tt := range []struct {
		name string
		args []string
		code int
		said string
	}{
		{"no such figure", []string{"--only", "drain,speed"}, command.ExitUsage, `no figure "speed"; there are drain, inserts, wake, sustained, fairness, backlog, pinned, cost`},
		{"no senders", []string{"--senders", "0"}, command.ExitUsage, "1 to 10000"},
		{"not a URL", []string{"--database-url", "host=db password=geheim"}, command.ExitFailed, "postgres://user:password@host/database"},
		{"a broken URL", []string{"--database-url", "postgres://u:geheim@host:port/"}, command.ExitFailed, "postgres://user:password@host/database"},
		{"a role without the right", []string{"--database-url", strings.Replace(database, "postgres@", role+"@", 1)}, command.ExitFailed, "ALTER ROLE \"" + role + "\" CREATEDB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, err bytes.Buffer
			code := run(append([]string{"bench", "--quick"}, tt.args...), "", &out, &err)
			if code != tt.code || !strings.Contains(err.String(), tt.said) || strings.Contains(err.String(), "geheim") {
				t.Errorf("exit code %d, %q; want %d and %q", code, err.String(), tt.code, tt.said)
			}
		})
	}
}
