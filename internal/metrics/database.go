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
	// Counting more would cost as much as sending.
	most = 10000
	// However often somebody scrapes, the database is asked no more often than this, and not for longer.
	askEvery = 5 * time.Second
	askFor   = 2 * time.Second
)

// For this transaction only: an end on the server too, and the index whatever the statistics say.
const askSQL = `SELECT set_config('statement_timeout', '1500ms', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)`

// What is paused says nothing about how late messages are, and an infinite dueAt has no age.
const queueSQL = `
WITH due AS MATERIALIZED (
    SELECT dueAt, templateId FROM subMsgList WHERE dueAt <= now() ORDER BY dueAt, id LIMIT $1
)
SELECT (SELECT count(*) FROM due),
    (SELECT count(*) FROM (SELECT FROM subMsgList WHERE dueAt > now() ORDER BY dueAt, id LIMIT $1) AS later),
    coalesce((SELECT extract(epoch FROM clock_timestamp() - min(dueAt))::float8 FROM due
        WHERE dueAt > '-infinity' AND templateId NOT IN (SELECT templateId FROM subMsgPause)
            AND NOT EXISTS (SELECT FROM subMsgPause WHERE templateId = '*')), 0),
    ARRAY(SELECT templateId FROM subMsgPause LIMIT $1)`

var (
	upDesc     = prometheus.NewDesc("submsg_database_up", "1 if the database has answered the scrape; 0: what is about the queue is missing.", nil, nil)
	dueDesc    = prometheus.NewDesc("submsg_due_messages", "Messages that could be sent now, those of paused templates included; 10000 means that or more.", nil, nil)
	laterDesc  = prometheus.NewDesc("submsg_scheduled_messages", "Messages that wait for their time; 10000 means that or more.", nil, nil)
	oldestDesc = prometheus.NewDesc("submsg_oldest_due_age_seconds", "For how long the oldest message that isn't paused could have been sent, of the first 10000 due; 0 if there is none.", nil, nil)
	pausedDesc = prometheus.NewDesc("submsg_template_paused", "1 for each template that is paused; * is every template.", []string{"template"}, nil)
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
		return gauge("submsg_pool_connections", "Connections to the database.", prometheus.Labels{"state": state}, func() float64 { return float64(n(pool.Stat())) })
	}
	m.registry.MustRegister(&queue{pool: pool, name: m.name},
		connections("acquired", (*pgxpool.Stat).AcquiredConns),
		connections("idle", (*pgxpool.Stat).IdleConns),
		connections("constructing", (*pgxpool.Stat).ConstructingConns),
		gauge("submsg_pool_max_connections", "The most connections that there may be.", nil, func() float64 { return float64(pool.Stat().MaxConns()) }),
		counter("submsg_pool_acquires_total", "Times that a connection was taken.", func() float64 { return float64(pool.Stat().AcquireCount()) }),
		counter("submsg_pool_waits_total", "Times that none was free at once.", func() float64 { return float64(pool.Stat().EmptyAcquireCount()) }),
		counter("submsg_pool_wait_seconds_total", "Time spent waiting for a free one.", func() float64 { return pool.Stat().EmptyAcquireWaitTime().Seconds() }))
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

func (q *queue) ask() []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	var due, later int64
	var oldest float64
	var paused []string
	batch := new(pgx.Batch)
	batch.Queue(askSQL)
	batch.Queue(queueSQL, most).QueryRow(func(row pgx.Row) error { return row.Scan(&due, &later, &oldest, &paused) })
	if q.pool.SendBatch(ctx, batch).Close() != nil {
		return []prometheus.Metric{value(upDesc, 0)}
	}
	all := []prometheus.Metric{value(upDesc, 1), value(dueDesc, float64(due)), value(laterDesc, float64(later)),
		value(oldestDesc, max(oldest, 0))}
	told := map[string]bool{}
	for _, id := range paused {
		name := id
		if id != outbox.Account {
			name = q.name(id) // an id and a name have one
		}
		if !told[name] {
			told[name] = true
			all = append(all, value(pausedDesc, 1, name))
		}
	}
	return all
}

func value(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}
