package ops

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/outbox"
)

// ErrNoMessage says that there is no message of the id.
var ErrNoMessage = errors.New("there is no such message")

// Story is all that the database knows of one message.
type Story struct {
	Message
	Now       time.Time `json:"now"`                 // by the database's clock
	Cause     *Cause    `json:"cause,omitempty"`     // of its last failure
	Pauses    []Pause   `json:"pauses,omitempty"`    // that keep it waiting, or would
	Ahead     int64     `json:"ahead"`               // messages due before it, counted to MostCounted
	Held      *Held     `json:"held,omitempty"`      // it is within the hold window of a rule
	Rules     []string  `json:"rules,omitempty"`     // that make messages of its template
	Listeners int64     `json:"listeners"`           // processes of submsg serve that can be seen, by their sessions
	Stale     bool      `json:"pastLease,omitempty"` // being sent for longer than its lease
	Memory
}

// Memory is what the running processes of submsg serve say of a message, and of themselves.
type Memory struct {
	Refused string `json:"refused,omitempty"`         // why the database lets nobody write the message
	Behind  bool   `json:"behind,omitempty"`          // it was taken, and waits for another one to the same person
	Unready string `json:"unready,omitempty"`         // why its account can send nothing: all of them say so
	Trouble string `json:"trouble,omitempty"`         // why no message can be taken: likewise
	Fits    bool   `json:"fits,omitempty"`            // the files of one of them have its template, with as many parameters
	Unknown bool   `json:"unknownTemplate,omitempty"` // those of none have its template: it will fail
}

const memorySQL = `
WITH known AS (
    SELECT templateId, paramCount FROM subMsgReplicaTemplate JOIN subMsgLivingReplica USING (replica)
)
SELECT coalesce(min(reasons->>($1::bigint)::text), '') AS refused, coalesce(bool_or($1::bigint = ANY (behind)), false) AS behind,
    coalesce((SELECT CASE WHEN bool_and(a.why <> '') THEN max(a.why) ELSE '' END
        FROM subMsgReplica r JOIN subMsgLivingReplica USING (replica) CROSS JOIN LATERAL jsonb_each_text(r.accounts) AS a (name, why)
        WHERE a.name = coalesce((SELECT account FROM subMsgTemplate
            WHERE templateId = ANY ($2) OR name = ANY ($2) ORDER BY templateId LIMIT 1), a.name)), '') AS unready,
    CASE WHEN bool_and(trouble <> '') THEN max(trouble) ELSE '' END AS trouble,
    (SELECT coalesce(bool_or(templateId = $3 AND paramCount = $4), false) FROM known) AS fits,
    (SELECT count(*) > 0 AND NOT bool_or(templateId = $3) FROM known) AS unknown
FROM subMsgReplica JOIN subMsgLivingReplica USING (replica)`

// Held is a message that its rule still holds back.
type Held struct {
	Rule string    `json:"rule"`
	Due  time.Time `json:"due"`
}

const aheadSQL = waitingTemplates + `
SELECT count(*) FROM (
    SELECT FROM template t CROSS JOIN LATERAL (SELECT FROM subMsgList m WHERE m.templateId = t.templateId AND m.dueAt IS NOT NULL
        AND (m.dueAt, m.id) < ((SELECT dueAt FROM subMsgList WHERE id = $1), $1) ORDER BY m.dueAt, m.id LIMIT 10001) AS m LIMIT 10001
) AS before`

// A held message may be due never, because the time of a rule's message is a column of the business table.
const heldSQL = `
SELECT r.name AS rule, least(h.due, '9999-01-01') AS due FROM subMsgHeld h JOIN subMsgRule r ON r.id = h.ruleId WHERE h.messageId = $1`

const rulesSQL = `SELECT name FROM subMsgRule WHERE templateId = ANY ($1) ORDER BY name`

const listenersSQL = `
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('submsg', 'submsg listener')`

// Show tells the story of a message. ErrNoMessage if there is none.
func Show(ctx context.Context, db DB, id int64) (Story, error) {
	found, err := Messages(ctx, db, []int64{id})
	if err != nil {
		return Story{}, err
	}
	if len(found) == 0 {
		return Story{}, ErrNoMessage
	}
	s := Story{Message: found[0]}
	s.Cause = s.cause()
	names, err := spellings(ctx, db, []string{s.TemplateID})
	if err != nil {
		return Story{}, fmt.Errorf("read the story of message %d: %w", id, err)
	}
	params, _ := s.List()
	var held []Held
	batch := new(pgx.Batch)
	batch.Queue(`SELECT now()`).QueryRow(func(row pgx.Row) error { return row.Scan(&s.Now) })
	batch.Queue(aheadSQL, id).QueryRow(func(row pgx.Row) error { return row.Scan(&s.Ahead) })
	batch.Queue(listenersSQL).QueryRow(func(row pgx.Row) error { return row.Scan(&s.Listeners) })
	batch.Queue(rulesSQL, names).Query(func(rows pgx.Rows) (err error) {
		s.Rules, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	readAll(batch, heldSQL, &held, id)
	readOne(batch, memorySQL, &s.Memory, id, names, s.TemplateID, len(params))
	readAll(batch, pausedSQL, &s.Pauses, names)
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return Story{}, fmt.Errorf("read the story of message %d: %w", id, err)
	}
	if len(held) > 0 {
		s.Held = &held[0]
	}
	s.Stale = s.Status == outbox.Sending && s.LeaseUntil != nil && s.LeaseUntil.Before(s.Now)
	return s, nil
}
