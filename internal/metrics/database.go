package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/submsg/submsg/outbox"
)

const (
	// To count more would cost as much as sending.
	most = 10000
	// However often somebody scrapes, the database is asked no more often than this, and has no longer to answer.
	askEvery = 5 * time.Second
	askFor   = 2 * time.Second
)

// These settings are for this transaction only: the server, too, ends the query in time, and it uses the index whatever
// its statistics say.
const askSQL = `SELECT set_config('statement_timeout', '1500ms', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)`

// Each template's queue is looked at by itself, from its front. Paused messages are left out of the age, because they
// say nothing about how late submsg is, and so is an infinite dueAt.
const queueSQL = `
WITH RECURSIVE jump AS (
    (SELECT templateId FROM subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > j.templateId ORDER BY m.templateId LIMIT 1)
    FROM jump j WHERE j.templateId IS NOT NULL
), template AS MATERIALIZED (
    SELECT templateId FROM jump WHERE templateId IS NOT NULL LIMIT 1000
)
SELECT (SELECT count(*) FROM (SELECT FROM template t CROSS JOIN LATERAL (SELECT FROM subMsgList m
            WHERE m.templateId = t.templateId AND m.dueAt <= now() ORDER BY m.dueAt, m.id LIMIT $1) AS m LIMIT $1) AS due) AS due,
    (SELECT count(*) FROM (SELECT FROM template t CROSS JOIN LATERAL (SELECT FROM subMsgList m
            WHERE m.templateId = t.templateId AND m.dueAt > now() ORDER BY m.dueAt, m.id LIMIT $1) AS m LIMIT $1) AS later) AS later,
    coalesce((SELECT extract(epoch FROM clock_timestamp() - min(first.dueAt))::float8
        FROM template t CROSS JOIN LATERAL (SELECT m.dueAt FROM subMsgList m
            WHERE m.templateId = t.templateId AND m.dueAt > '-infinity' AND m.dueAt <= now() ORDER BY m.dueAt, m.id LIMIT 1) AS first
        WHERE t.templateId NOT IN (SELECT templateId FROM subMsgPause)
            AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')
            AND NOT EXISTS (SELECT FROM subMsgPause p JOIN subMsgTemplate s ON p.templateId = '*' || s.account
                WHERE t.templateId IN (s.templateId, s.name))), 0) AS oldest,
    ARRAY(SELECT templateId FROM subMsgPause LIMIT $1) AS paused`

var (
	upDesc = prometheus.NewDesc("submsg_database_up",
		"1 if the database has answered the scrape; 0: what is about the queue is missing.", nil, nil)
	dueDesc = prometheus.NewDesc("submsg_due_messages",
		"Messages that could be sent now, those of paused templates included; 10000 means that or more.", nil, nil)
	laterDesc = prometheus.NewDesc("submsg_scheduled_messages",
		"Messages that wait for their time; 10000 means that or more.", nil, nil)
	oldestDesc = prometheus.NewDesc("submsg_oldest_due_age_seconds",
		"For how long the oldest message that isn't paused could have been sent; 0 if there is none.", nil, nil)
	pausedDesc = prometheus.NewDesc("submsg_template_paused",
		"1 for each template that is paused; * is every template.", []string{"template"}, nil)
	queueDescs = []*prometheus.Desc{upDesc, dueDesc, laterDesc, oldestDesc, pausedDesc}
)

// queue collects what only the database knows.
type queue struct {
	pool *pgxpool.Pool
	name func(idOrName string) string

	mu    sync.Mutex
	asked time.Time
	seen  []prometheus.Metric
}

// WatchDatabase shows the queue, and the pool that leads to it.
func (m *Metrics) WatchDatabase(pool *pgxpool.Pool) {
	connections := func(state string, n func(*pgxpool.Stat) int32) prometheus.Collector {
		return gauge("submsg_pool_connections", "Connections to the database.", prometheus.Labels{"state": state},
			func() float64 { return float64(n(pool.Stat())) })
	}
	m.registry.MustRegister(&queue{pool: pool, name: m.name},
		connections("acquired", (*pgxpool.Stat).AcquiredConns),
		connections("idle", (*pgxpool.Stat).IdleConns),
		connections("constructing", (*pgxpool.Stat).ConstructingConns),
		gauge("submsg_pool_max_connections", "The most connections that there may be.", nil,
			func() float64 { return float64(pool.Stat().MaxConns()) }),
		counter("submsg_pool_acquires_total", "Times that a connection was taken.",
			func() float64 { return float64(pool.Stat().AcquireCount()) }),
		counter("submsg_pool_waits_total", "Times that none was free at once.",
			func() float64 { return float64(pool.Stat().EmptyAcquireCount()) }),
		counter("submsg_pool_wait_seconds_total", "Time spent waiting for a free one.",
			func() float64 { return pool.Stat().EmptyAcquireWaitTime().Seconds() }))
}

// Describe is prometheus.Collector's.
func (q *queue) Describe(to chan<- *prometheus.Desc) {
	for _, d := range queueDescs {
		to <- d
	}
}

// Collect is prometheus.Collector's.
func (q *queue) Collect(to chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.asked.IsZero() || time.Since(q.asked) >= askEvery {
		q.seen, q.asked = q.ask(), time.Now()
	}
	for _, m := range q.seen {
		to <- m
	}
}

// queueState is what the database says of the queue.
type queueState struct {
	Due, Later int64
	Oldest     float64
	Paused     []string
}

func (q *queue) ask() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	var seen queueState
	batch := new(pgx.Batch)
	batch.Queue(askSQL)
	batch.Queue(queueSQL, most).Query(func(rows pgx.Rows) (err error) {
		seen, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[queueState])
		return err
	})
	if q.pool.SendBatch(ctx, batch).Close() != nil {
		return []prometheus.Metric{value(upDesc, 0)}
	}
	all := []prometheus.Metric{value(upDesc, 1), value(dueDesc, float64(seen.Due)),
		value(laterDesc, float64(seen.Later)), value(oldestDesc, max(seen.Oldest, 0))}
	shown := map[string]bool{}
	for _, id := range seen.Paused {
		name := id
		if id != outbox.Everything {
			name = q.name(id) // a template that is paused under its id and its name is one
		}
		if !shown[name] {
			shown[name] = true
			all = append(all, value(pausedDesc, 1, name))
		}
	}
	return all
}

func value(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
