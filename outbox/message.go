package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Status is a message's sendStatus.
type Status string

// The statuses. Waiting and Sending are on the way; the others are ends, which a person may change.
const (
	Waiting   Status = "wait"
	Sending   Status = "sending"
	Succeeded Status = "success"
	Failed    Status = "fail"
	Uncertain Status = "unknown"
	Cancelled Status = "cancel"
	Expired   Status = "expired"
)

// Message is what an application asks for: one thing to one person. Zero values leave a column to its default.
type Message struct {
	OpenID      string    `json:"openid"`
	TemplateID  string    `json:"templateId"`            // WeChat's id, or the template's name
	Params      []string  `json:"parameterArr"`          // in the order of the template's params
	SendAfter   time.Time `json:"sendAfter,omitzero"`    // not before
	ExpireTime  time.Time `json:"expireTime,omitzero"`   // never after
	Page        string    `json:"page,omitempty"`        // instead of the template's
	DedupKey    string    `json:"dedupKey,omitempty"`    // one message a key, until retention deletes it
	TraceParent string    `json:"traceparent,omitempty"` // its trace (W3C); "" takes the transaction's
}

// insertSQL inserts a group of messages. Where a message has no traceparent, it takes that of the transaction, as the
// column's default does. It names no column in ON CONFLICT and returns the id alone, because an application may read
// nothing else: not the dedupKeys of others.
const insertSQL = `
INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey, traceparent)
SELECT m->>'openid', m->>'templateId',
       ARRAY(SELECT v FROM jsonb_array_elements_text(m->'parameterArr') WITH ORDINALITY AS p (v, n) ORDER BY n),
       coalesce((m->>'sendAfter')::timestamptz, now()), (m->>'expireTime')::timestamptz, m->>'page', m->>'dedupKey',
       left(coalesce(m->>'traceparent', nullif(current_setting('submsg.traceparent', true), '')), 55)
FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS list (m, n) ORDER BY n
ON CONFLICT DO NOTHING
RETURNING id`

// Insert puts messages into the application's transaction: they exist if and only if tx commits.
// It returns their ids in order, 0 for one whose DedupKey was there already. A message that the table's
// constraints refuse is a *[pgconn.PgError] with SQLSTATE 23514 and the rule as its ConstraintName;
// the transaction is then aborted, as after any failed statement.
func Insert(ctx context.Context, tx pgx.Tx, messages ...Message) ([]int64, error) {
	ids := make([]int64, 0, len(messages))
	statements := new(pgx.Batch)
	for rest := messages; len(rest) > 0; {
		n := groupLength(rest)
		if err := queueInsert(statements, rest[:n], &ids); err != nil {
			return nil, fmt.Errorf("insert messages: %w", err)
		}
		rest = rest[n:]
	}
	if statements.Len() == 0 {
		return nil, nil
	}
	err := tx.SendBatch(ctx, statements).Close()
	if refused := new(pgconn.PgError); errors.As(err, &refused) && refused.Code == "23514" {
		return nil, fmt.Errorf("insert messages: the rule %s is broken: %w", refused.ConstraintName, err)
	}
	if err != nil {
		return nil, fmt.Errorf("insert messages: %w", err)
	}
	return ids, nil
}

// groupLength is how many messages one statement inserts: as far as the first with a DedupKey. It alone can be there
// already, so that the number of ids that come back tells whether it was.
func groupLength(messages []Message) int {
	keyed := slices.IndexFunc(messages, func(m Message) bool { return m.DedupKey != "" })
	if keyed < 0 {
		return len(messages)
	}
	return keyed + 1
}

// queueInsert adds the statement of a group to a batch. What it gives is appended to ids.
func queueInsert(statements *pgx.Batch, group []Message, ids *[]int64) error {
	group = slices.Clone(group) // the caller's own stay as they are
	for i := range group {
		if group[i].Params == nil {
			group[i].Params = []string{}
		}
	}
	list, err := json.Marshal(group)
	if err != nil {
		return err
	}
	statements.Queue(insertSQL, string(list)).Query(func(rows pgx.Rows) error {
		inserted, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if *ids = append(*ids, inserted...); len(inserted) < len(group) {
			*ids = append(*ids, 0)
		}
		return err
	})
	return nil
}
