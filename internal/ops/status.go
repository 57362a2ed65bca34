package ops

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

// MostCounted is how far waiting messages are counted; a count beyond it says MostCounted+1.
const MostCounted = 10000

// Status is how it goes, at one moment of the database's clock.
type Status struct {
	Backlog
	Claimed
	Rates `json:"perMinute"`
	Scope
	Failures []Failure `json:"failures,omitempty"` // of the last hour
	Paused   []Pause   `json:"paused,omitempty"`
	Replicas []Replica `json:"replicas,omitempty"`
	Serving  []Serving `json:"serving,omitempty"`
	Problems []Fact    `json:"problems,omitempty"`
}

// Backlog is what waits.
type Backlog struct {
	Now      time.Time `json:"now"`
	Waiting  int64     `json:"waiting"`          // counted to MostCounted
	Due      int64     `json:"due"`              // of these, so many should have been sent; counted to MostCounted
	Estimate int64     `json:"waitingEstimate"`  // waiting, by the planner's statistics
	Oldest   float64   `json:"oldestDueSeconds"` // how long the one due first has waited; 0 if none is due
	Next     float64   `json:"nextDueSeconds"`   // until the next one is due; 0 if none is scheduled
	Awake    bool      `json:"awake"`            // nobody asks for a wake: submsg serve is busy, or polls
}

// Claimed is what is being sent.
type Claimed struct {
	Sending int64 `json:"sending"`
	Overdue int64 `json:"sendingPastLease"` // of these, so many are beyond their lease
}

// Scope is which messages the failures and rates are of.
type Scope struct {
	Looked int64 `json:"lookedAt"`          // so many messages,
	Whole  bool  `json:"lookedAtWholeHour"` // which go back an hour, or are all there are
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
	Status  outbox.Status `json:"sendStatus" db:"sendStatus"`
	ErrCode *int32        `json:"errCode,omitempty"`
	ErrKind explain.Kind  `json:"errKind,omitempty"`
	Count   int64         `json:"lastHour" db:"lastHour"`
	Newest  *time.Time    `json:"newest,omitempty"`
	Example int64         `json:"exampleId" db:"exampleId"`
	Cause
}

// Pause is a line of subMsgPaused.
type Pause struct {
	What       string       `json:"what"`
	TemplateID string       `json:"templateId"` // * is every template
	Why        string       `json:"why"`
	ErrCode    *int32       `json:"errCode,omitempty"`
	ErrKind    explain.Kind `json:"errKind,omitempty"`
	Since      time.Time    `json:"since"`
	NextProbe  *time.Time   `json:"nextProbe,omitempty"` // none: it stays until a person lifts it
	Probes     int64        `json:"probes"`
	Waiting    int64        `json:"waiting"`   // messages that wait for it,
	WaitingOf  int64        `json:"waitingOf"` // of so many that were looked at
	Lift       string       `json:"lift"`
	English    string       `json:"whyEnglish,omitempty" db:"whyEnglish"`
}

// Replica is the sessions that processes of submsg serve on one host have.
type Replica struct {
	Host     string     `json:"host"` // "" where it isn't known: a local one, or nothing for this login to see
	Listens  int64      `json:"listening" db:"listening"`
	Sessions int64      `json:"sessions"`
	Since    *time.Time `json:"since,omitempty"`
}

// Fact is a line of subMsgHealth.
type Fact struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Remark  string `json:"remark"`
	English string `json:"remarkEnglish" db:"remarkEnglish"`
}

// waitingTemplates begins a statement: the templates of which messages wait, found by jumping from one to the next by
// the index of what waits.
const waitingTemplates = `
WITH RECURSIVE jump AS (
    (SELECT templateId FROM subMsgList WHERE dueAt IS NOT NULL ORDER BY templateId LIMIT 1)
    UNION ALL
    SELECT (SELECT m.templateId FROM subMsgList m WHERE m.dueAt IS NOT NULL AND m.templateId > j.templateId ORDER BY m.templateId LIMIT 1)
    FROM jump j WHERE j.templateId IS NOT NULL
), template AS MATERIALIZED (
    SELECT templateId FROM jump WHERE templateId IS NOT NULL LIMIT 1000
)`

// All of it comes from the front of the templates' queues. An infinite time is as far away as there is a number for.
const backlogSQL = waitingTemplates + `
SELECT now(), count(*) AS waiting, count(*) FILTER (WHERE dueAt <= now()) AS due,
    (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'subMsgList_due'::regclass::oid) AS estimate,
    coalesce(extract(epoch FROM now() - min(greatest(dueAt, 'epoch')) FILTER (WHERE dueAt <= now()))::float8, 0) AS oldest,
    coalesce(extract(epoch FROM min(least(dueAt, '9999-01-01')) FILTER (WHERE dueAt > now()) - now())::float8, 0) AS next,
    pg_sequence_last_value('subMsgWake'::regclass) IS DISTINCT FROM 1 AS awake
FROM (SELECT m.dueAt FROM template t CROSS JOIN LATERAL (SELECT dueAt, id FROM subMsgList m
        WHERE m.templateId = t.templateId AND m.dueAt IS NOT NULL ORDER BY m.dueAt, m.id LIMIT 10001) AS m
    ORDER BY m.dueAt, m.id LIMIT 10001) AS first`

// OFFSET 0 makes the planner look the rows up by the primary key: its statistics of what changes so often are wrong.
const claimedSQL = `
SELECT count(*) AS sending, count(*) FILTER (WHERE m.leaseUntil < clock_timestamp()) AS overdue
FROM subMsgClaim c CROSS JOIN LATERAL (
    SELECT leaseUntil FROM subMsgList WHERE id = ANY (c.ids) AND claimId = c.claimId AND sendStatus = 'sending' OFFSET 0
) AS m`

// Where fewer messages were looked at than a minute has, the rates are of the time that those took.
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
SELECT n AS looked, n < 20000 OR created < now() - interval '1 hour' AS whole, (inserted * 60)::float8 / inserting AS inserted,
    (success * 60)::float8 / settling AS success, (fail * 60)::float8 / settling AS fail,
    (unknown * 60)::float8 / settling AS unknown, (expired * 60)::float8 / settling AS expired
FROM looked, took`

const failuresSQL = `
SELECT sendStatus, errCode, coalesce(errKind, '') AS errKind, lastHour, newest, exampleId,
    cause, nextStep, causeEnglish, nextStepEnglish
FROM subMsgFailures WHERE lastHour > 0 ORDER BY lastHour DESC, newest DESC`

const pausedSQL = `
SELECT what, templateId, why, errCode, coalesce(errKind, '') AS errKind, since,
    nullif(greatest(nextProbe, 'epoch'), 'infinity') AS nextProbe, probes, waiting, waitingOf, lift,
    coalesce(whyEnglish, '') AS whyEnglish
FROM subMsgPaused WHERE $1::text[] IS NULL OR templateId = '*' OR templateId = ANY ($1)
    OR templateId IN (SELECT '*' || account FROM subMsgTemplate WHERE templateId = ANY ($1) OR name = ANY ($1))
ORDER BY templateId <> '*', since, templateId`

const replicasSQL = `
SELECT coalesce(host(client_addr), '') AS host, count(*) FILTER (WHERE application_name = 'submsg listener') AS listening,
    count(*) AS sessions, min(backend_start) AS since
FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('submsg', 'submsg listener')
GROUP BY 1 ORDER BY 1`

// Serving is what a running submsg serve says of itself: a line of subMsgReplica.
type Serving struct {
	Host  string    `json:"host"`
	PID   int32     `json:"pid"`
	Since time.Time `json:"since"`
	Seen  time.Time `json:"seen"`

	Accounts map[string]string `json:"accounts"`          // by name, why one can send nothing; "" if it can
	Trouble  string            `json:"trouble,omitempty"` // why it can take no messages
	InHand   int32             `json:"inHand"`
	Ahead    int32             `json:"ahead"`             // of these, so many wait for a sender
	Refused  int32             `json:"refused,omitempty"` // messages that the database lets nobody write
}

const servingSQL = `
SELECT host, pid, since, seen, accounts, trouble, inHand, ahead, refused FROM subMsgReplica JOIN subMsgLivingReplica USING (replica)
ORDER BY since, replica`

const problemsSQL = `SELECT name, value, remark, remarkEnglish FROM subMsgHealth WHERE state <> 'ok' AND name NOT IN ('paused', 'account')`

// Where statistics are old a plan seems expensive, and compiling it would take longer than running it.
const planSQL = `SELECT set_config('jit', 'off', true)`

// Look reads the status, on two connections at once, because half of the work is walking the newest messages. It takes
// some ten milliseconds whatever the size of the table, and writes nothing.
func Look(ctx context.Context, db, beside DB) (Status, error) {
	var s Status
	var rates struct {
		Scope
		Rates
	}
	batch, newest := new(pgx.Batch), new(pgx.Batch)
	batch.Queue(planSQL)
	newest.Queue(planSQL)
	readOne(newest, ratesSQL, &rates)
	readAll(newest, failuresSQL, &s.Failures)
	readOne(batch, backlogSQL, &s.Backlog)
	readOne(batch, claimedSQL, &s.Claimed)
	readAll(batch, pausedSQL, &s.Paused, nil)
	readAll(batch, replicasSQL, &s.Replicas)
	readAll(batch, servingSQL, &s.Serving)
	readAll(batch, problemsSQL, &s.Problems)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return db.SendBatch(ctx, batch).Close() })
	group.Go(func() error { return beside.SendBatch(ctx, newest).Close() })
	if err := group.Wait(); err != nil {
		return Status{}, fmt.Errorf("read the status: %w", err)
	}
	s.Scope, s.Rates = rates.Scope, rates.Rates
	return s, nil
}

// readAll queues a query whose rows go into list, by the names of their columns.
func readAll[T any](batch *pgx.Batch, sql string, list *[]T, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		*list, err = pgx.CollectRows(rows, pgx.RowToStructByName[T])
		return err
	})
}

// readOne queues a query whose only row goes into row, by the names of its columns.
func readOne[T any](batch *pgx.Batch, sql string, row *T, args ...any) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		*row, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
		return err
	})
}
