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

// insertSQL is one statement whatever the number of messages, so that the wake trigger runs once. Where a message has
// no traceparent, it takes that of the transaction, as the column's default does.
const insertSQL = `
INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter, expireTime, page, dedupKey, traceparent)
SELECT m->>'openid', m->>'templateId',
       ARRAY(SELECT v FROM jsonb_array_elements_text(m->'parameterArr') WITH ORDINALITY AS p (v, n) ORDER BY n),
       coalesce((m->>'sendAfter')::timestamptz, now()), (m->>'expireTime')::timestamptz, m->>'page', m->>'dedupKey',
       left(coalesce(m->>'traceparent', nullif(current_setting('submsg.traceparent', true), '')), 55)
FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS list (m, n) ORDER BY n
ON CONFLICT DO NOTHING
RETURNING id, coalesce(dedupKey, '') AS key`

// Insert puts messages into the application's transaction: they exist if and only if tx commits.
// It returns their ids in order, 0 for one whose DedupKey was there already. A message that the table's
// constraints refuse is a *[pgconn.PgError] with SQLSTATE 23514 and the rule as its ConstraintName;
// the transaction is then aborted, as after any failed statement.
func Insert(ctx context.Context, tx pgx.Tx, messages ...Message) ([]int64, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	messages = slices.Clone(messages) // the caller's own stay as they are
	for i := range messages {
		if messages[i].Params == nil {
			messages[i].Params = []string{}
		}
	}
	list, err := json.Marshal(messages)
	if err != nil {
		return nil, fmt.Errorf("insert messages: %w", err)
	}
	rows, err := tx.Query(ctx, insertSQL, string(list))
	if err != nil {
		return nil, fmt.Errorf("insert messages: %w", err)
	}
	type inserted struct {
		ID  int64
		Key string
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByName[inserted])
	if refused := new(pgconn.PgError); errors.As(err, &refused) && refused.Code == "23514" {
		return nil, fmt.Errorf("insert messages: the rule %s is broken: %w", refused.ConstraintName, err)
	}
	if err != nil {
		return nil, fmt.Errorf("insert messages: %w", err)
	}
	ids := make([]int64, len(messages))
	for i, m := range messages { // what was inserted is in order; what is missing was there already
		if len(got) > 0 && got[0].Key == m.DedupKey {
			ids[i], got = got[0].ID, got[1:]
		}
	}
	return ids, nil
}
