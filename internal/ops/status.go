package ops

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/outbox"
)

// MostCounted is how far waiting messages are counted; a count beyond it says MostCounted+1.
const MostCounted = 10000

// Status is how it goes, at one moment of the database's clock.
type Status struct {
	Now      time.Time `json:"now"`
	Waiting  int64     `json:"waiting"`          // counted to MostCounted
	Due      int64     `json:"due"`              // of these, so many should have been sent; counted to MostCounted
	Estimate int64     `json:"waitingEstimate"`  // waiting, by the planner's statistics
	Oldest   float64   `json:"oldestDueSeconds"` // how long the one due first has waited; 0 if none is due
	Next     float64   `json:"nextDueSeconds"`   // until the next one is due; 0 if none is scheduled
	Sending  int64     `json:"sending"`
	Overdue  int64     `json:"sendingPastLease"` // of these, so many are beyond their lease
	Awake    bool      `json:"awake"`            // nobody asks for a wake: submsg serve is busy, or polls
	Rates    Rates     `json:"perMinute"`
	Looked   int64     `json:"lookedAt"`           // failures and rates are of so many messages,
	Whole    bool      `json:"lookedAtWholeHour"`  // which go back an hour, or are all there are
	Failures []Failure `json:"failures,omitempty"` // of the last hour
	Paused   []Pause   `json:"paused,omitempty"`
	Replicas []Replica `json:"replicas,omitempty"`
	Problems []Fact    `json:"problems,omitempty"`
}

// Rates are messages per minute, of the last minute or of as much of it as was looked at.
type Rates struct {
	Inserted float64 `json:"inserted"`
	Success  float64 `json:"success"`
	Fail     float64 `json:"fail"`
	Unknown  float64 `json:"unknown"`
	Expired  float64 `json:"expired"`
}

// Failure is a line of subMsgFailures.
type Failure struct {
	Status  outbox.Status `json:"sendStatus"`
	ErrCode *int32        `json:"errCode,omitempty"`
	Count   int64         `json:"lastHour"`
	Newest  *time.Time    `json:"newest,omitempty"`
	Example int64         `json:"exampleId"`
	Cause
}

// Pause is a line of subMsgPaused.
type Pause struct {
	What       string     `json:"what"`
	TemplateID string     `json:"templateId"` // * is every template
	Why        string     `json:"why"`
	ErrCode    *int32     `json:"errCode,omitempty"`
	Since      time.Time  `json:"since"`
	NextProbe  *time.Time `json:"nextProbe,omitempty"` // none: it stays until a person lifts it
	Probes     int64      `json:"probes"`
	Waiting    int64      `json:"waiting"`   // messages that wait for it,
	WaitingOf  int64      `json:"waitingOf"` // of so many that were looked at
	Lift       string     `json:"lift"`
	English    string     `json:"whyEnglish,omitempty"`
}

// Replica is the sessions that processes of submsg serve on one host have.
type Replica struct {
	Host     string     `json:"host"` // "" where it isn't known: a local one, or nothing for this login to see
	Listens  int64      `json:"listening"`
	Sessions int64      `json:"sessions"`
	Since    *time.Time `json:"since,omitempty"`
}

// Fact is a line of subMsgHealth.
type Fact struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Remark  string `json:"remark"`
	English string `json:"remarkEnglish"`
}

// It all comes from the front of indexes. An infinite time is as far away as there is a number for.
const numbersSQL = `
SELECT now(), count(*), count(*) FILTER (WHERE dueAt <= now()), (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'subMsgList_due'::regclass),
    coalesce(extract(epoch FROM now() - min(greatest(dueAt, 'epoch')) FILTER (WHERE dueAt <= now()))::float8, 0),
    coalesce(extract(epoch FROM min(least(dueAt, '9999-01-01')) FILTER (WHERE dueAt > now()) - now())::float8, 0),
    pg_sequence_last_value('subMsgWake'::regclass) IS DISTINCT FROM 1
FROM (SELECT dueAt FROM subMsgList WHERE dueAt IS NOT NULL ORDER BY dueAt, id LIMIT 10001) AS first`

// OFFSET 0 keeps it a look-up by the primary key: statistics of what changes so often are wrong.
const sendingSQL = `
SELECT count(*), count(*) FILTER (WHERE m.leaseUntil < clock_timestamp())
FROM subMsgClaim c CROSS JOIN LATERAL (SELECT leaseUntil FROM subMsgList WHERE id = ANY (c.ids) AND claimId = c.claimId AND sendStatus = 'sending' OFFSET 0) AS m`

// Where not even a minute's messages were looked at, those there are stand for as long as they took.
const ratesSQL = `
WITH minute AS MATERIALIZED (
    SELECT now() - interval '1 min' AS ago -- once, not for each row
), looked AS MATERIALIZED (
    SELECT count(*) AS n, min(createTime) AS created, min(sendTime) AS sent, count(*) FILTER (WHERE createTime > (SELECT ago FROM minute)) AS inserted,
        count(*) FILTER (WHERE sendStatus = 'success' AND sendTime > (SELECT ago FROM minute)) AS success,
        count(*) FILTER (WHERE sendStatus = 'fail'    AND sendTime > (SELECT ago FROM minute)) AS fail,
        count(*) FILTER (WHERE sendStatus = 'unknown' AND sendTime > (SELECT ago FROM minute)) AS unknown,
        count(*) FILTER (WHERE sendStatus = 'expired' AND sendTime > (SELECT ago FROM minute)) AS expired
    FROM subMsgRecent
), took AS (
    SELECT CASE WHEN n < 20000 THEN 60 ELSE least(60, greatest(1, extract(epoch FROM now() - sent))) END::float8 AS settling,
        CASE WHEN n < 20000 THEN 60 ELSE least(60, greatest(1, extract(epoch FROM now() - created))) END::float8 AS inserting FROM looked
)
SELECT n, n < 20000 OR created < now() - interval '1 hour', inserted * 60 / inserting,
    success * 60 / settling, fail * 60 / settling, unknown * 60 / settling, expired * 60 / settling
FROM looked, took`

const failuresSQL = `
SELECT sendStatus, errCode, lastHour, newest, exampleId, cause, nextStep, causeEnglish, nextStepEnglish
FROM subMsgFailures WHERE lastHour > 0 ORDER BY lastHour DESC, newest DESC`

const pausedSQL = `
SELECT what, templateId, why, p.errCode, since, nullif(greatest(nextProbe, 'epoch'), 'infinity'), probes, waiting, waitingOf, lift, coalesce(c.causeEnglish || ': ' || c.nextStepEnglish, '')
FROM subMsgPaused p LEFT JOIN subMsgCause c ON c.errCode = p.errCode
WHERE $1::text[] IS NULL OR templateId = '*' OR templateId = ANY ($1) ORDER BY templateId <> '*', since, templateId`

const replicasSQL = `
SELECT coalesce(host(client_addr), ''), count(*) FILTER (WHERE application_name = 'submsg listener'), count(*), min(backend_start)
FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('submsg', 'submsg listener')
GROUP BY 1 ORDER BY 1`

const problemsSQL = `SELECT name, value, remark, remarkEnglish FROM subMsgHealth WHERE state <> 'ok' AND name <> 'paused'`

// A plan looks dear where statistics are old, and would be compiled for longer than it runs.
const planSQL = `SELECT set_config('jit', 'off', true)`

// Look reads the status, on two connections at once, as half of it is walking the newest messages. It takes some ten milliseconds
// whatever the size of the table, and writes nothing.
func Look(ctx context.Context, db, beside DB) (Status, error) {
	var s Status
	batch, newest := new(pgx.Batch), new(pgx.Batch)
	batch.Queue(planSQL)
	newest.Queue(planSQL)
	batch.Queue(numbersSQL).QueryRow(func(row pgx.Row) error {
		return row.Scan(&s.Now, &s.Waiting, &s.Due, &s.Estimate, &s.Oldest, &s.Next, &s.Awake)
	})
	batch.Queue(sendingSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&s.Sending, &s.Overdue) })
	newest.Queue(ratesSQL).QueryRow(func(row pgx.Row) error {
		r := &s.Rates
		return row.Scan(&s.Looked, &s.Whole, &r.Inserted, &r.Success, &r.Fail, &r.Unknown, &r.Expired)
	})
	collect(newest, failuresSQL, &s.Failures)
	collect(batch, pausedSQL, &s.Paused, nil)
	collect(batch, replicasSQL, &s.Replicas)
	collect(batch, problemsSQL, &s.Problems)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return db.SendBatch(ctx, batch).Close() })
	group.Go(func() error { return beside.SendBatch(ctx, newest).Close() })
	if err := group.Wait(); err != nil {
		return Status{}, fmt.Errorf("read the status: %w", err)
	}
	return s, nil
}

// collect queues a query whose rows go into list, column by column.
func collect[T any](batch *pgx.Batch, sql string, list *[]T, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		*list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		return err
	})
}
