package metrics

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/outbox"
)

func exec(t *testing.T, pool *pgxpool.Pool, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// insert takes a list of templates and times. No message is due before its createTime.
const insert = `INSERT INTO subMsgList (openid, templateId, createTime, sendAfter)
	SELECT 'o', t, at, at FROM `

// figures are those of the queue. The age is in whole hours, because the test itself takes time.
type figures struct{ Due, Scheduled, Hours float64 }

func TestQueue(t *testing.T) {
	for _, tt := range []struct {
		name, sql string
		want      figures
	}{
		{"empty", "", figures{0, 0, 0}},
		{"due and scheduled", insert + `(SELECT 'orderStatus', now() + (n - 2.5) * interval '1 day' FROM generate_series(1, 5) AS n) AS m (t, at)`,
			figures{2, 3, 36}},
		{"as many as one likes", insert + `(SELECT 'orderStatus', now() + sign * interval '2 hours' FROM generate_series(1, 10050), unnest('{-1,1}'::int[]) AS sign) AS m (t, at)`,
			figures{10000, 10000, 2}},
		{"since ever", insert + `(VALUES ('orderStatus', '-infinity'::timestamptz)) AS m (t, at)`,
			figures{1, 0, 0}},
		{"of what isn't paused", insert + `(VALUES ('orderStatus', now() - interval '9 hours'), ('gone', now() - interval '5 hours')) AS m (t, at);
			INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('orderStatus', '', now())`, figures{2, 0, 5}},
		{"all paused", insert + `(VALUES ('orderStatus', now() - interval '9 hours')) AS m (t, at); INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', '', now())`, figures{1, 0, 0}},
		{"settled", insert + `(VALUES ('orderStatus', '-infinity'::timestamptz)) AS m (t, at); UPDATE subMsgList SET sendStatus = 'cancel'`,
			figures{0, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.Pool(t)
			exec(t, pool, `SELECT; `+tt.sql)
			values := collected(t, &queue{pool: pool, name: named})
			got := figures{values["submsg_due_messages"], values["submsg_scheduled_messages"],
				math.Floor(values["submsg_oldest_due_age_seconds"] / 3600)}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A pause is shown once, by the name of its template, whether the template is paused under its id, its name or both.
func TestPaused(t *testing.T) {
	m, pool := New("v1", named), pgtest.Pool(t)
	m.WatchDatabase(pool)
	exec(t, pool, `INSERT INTO subMsgPause (templateId, reason, probeAt)
		SELECT t, 'stopped', now() FROM unnest('{*,orderStatus,zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc,`+openid+`,gone}'::text[]) AS t`)
	want := []string{`submsg_template_paused{template="*"} 1`, `submsg_template_paused{template="orderStatus"} 1`, `submsg_template_paused{template="other"} 1`}
	if diff := cmp.Diff(want, ours(scrape(t, m), "submsg_template_paused")); diff != "" {
		t.Error(diff)
	}
}

// Several scrapes in a short time ask the database once.
func TestAskedSeldom(t *testing.T) {
	pool := pgtest.Pool(t)
	q := &queue{pool: pool, name: named}
	due := func() float64 { return collected(t, q)["submsg_due_messages"] }
	before := due()
	exec(t, pool, insert+`(VALUES ('orderStatus', now())) AS m (t, at)`)
	soon := due()
	q.asked = q.asked.Add(-askEvery)
	if later := due(); before != 0 || soon != 0 || later != 1 {
		t.Errorf("%v, %v soon after, %v later; want 0, 0, 1", before, soon, later)
	}
}

// Where the database is away, the metrics say so, and leave out the figures of the queue.
func TestDatabaseAway(t *testing.T) {
	m, pool := New("v1", named), pgtest.Pool(t)
	m.WatchDatabase(pool)
	pool.Close()
	scraped := scrape(t, m)
	if diff := cmp.Diff([]string{"submsg_database_up 0"}, ours(scraped, "submsg_database_up")); diff != "" {
		t.Error(diff)
	}
	if lines := ours(scraped, "submsg_due_messages"); lines != nil {
		t.Errorf("%q", lines)
	}
}

// A scrape takes a locked table for a database that is away, and answers before the scrape itself times out.
func TestDatabaseStuck(t *testing.T) {
	m, pool := New("v1", named), pgtest.Pool(t)
	m.WatchDatabase(pool)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing to undo
	if _, err := tx.Exec(t.Context(), `LOCK subMsgList IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"submsg_database_up 0"}, ours(scrape(t, m), "submsg_database_up")); diff != "" {
		t.Error(diff)
	}
}

// The queries use the index of waiting messages, also while the statistics say that the table is small.
func TestQueuePlan(t *testing.T) {
	pool := pgtest.Pool(t)
	exec(t, pool, insert+`(VALUES ('orderStatus', now())) AS m (t, at)`, `ANALYZE subMsgList`)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing to undo
	if _, err := tx.Exec(t.Context(), askSQL); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.Query(t.Context(), "EXPLAIN "+queueSQL, most)
	if err != nil {
		t.Fatal(err)
	}
	scans := 0
	for rows.Next() {
		line := rows.RawValues()[0]
		if strings.Contains(string(line), "submsglist") && strings.Contains(string(line), "Scan") {
			scans++
			if !strings.Contains(string(line), "submsglist_due") {
				t.Errorf("%s", line)
			}
		}
	}
	if rows.Err() != nil || scans != 4 {
		t.Errorf("%d scans, error %v", scans, rows.Err())
	}
}

// collected returns the metrics of a collector, without labels.
func collected(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		values[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	return values
}

func TestNames(t *testing.T) {
	m, pool := New("v1", named), pgtest.Pool(t)
	m.WatchDatabase(pool)
	m.WatchListener(func() bool { return true })
	exec(t, pool, `INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', 'stopped', now())`)
	m.Wrap(script(func(outbox.Claimed) outbox.Verdict { return outbox.Verdict{} })).Send(t.Context(), outbox.Claimed{})
	scraped := scrape(t, m)
	problems, err := promlint.New(strings.NewReader(scraped)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if n := len(ours(scraped, "# HELP submsg_")); n != 18 {
		t.Errorf("%d of our metrics are in a scrape", n)
	}
}
