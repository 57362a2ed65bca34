// Package ops is what operators and administrators ask of the messages, and do to them: how it goes, which messages there
// are, the story of one, sending again, calling off. The commands stand on it.
//
// Nothing here counts the table: there is no index by outcome, as it would have to be written at each settlement.
// What is asked often reads a bounded number of rows (the views of migration 000012); a selection that names neither ids nor
// waiting messages walks the primary key from its newest end, in steps.
package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/outbox"
)

// DB is a pool or a connection.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Message is a row of subMsgList. Times that are infinite come as the years 1970 and 9999.
type Message struct {
	ID          int64           `json:"id"`
	OpenID      string          `json:"openid"`
	TemplateID  string          `json:"templateId"`
	Params      json.RawMessage `json:"parameterArr"` // a list of texts, unless a rule of the table was dropped
	Status      outbox.Status   `json:"sendStatus"`
	Text        string          `json:"sendStatusMsg,omitempty"`
	ErrCode     *int32          `json:"errCode,omitempty"`
	SendTime    *time.Time      `json:"sendTime,omitempty"`
	CreateTime  time.Time       `json:"createTime"`
	UpdateTime  time.Time       `json:"updateTime"`
	SendAfter   time.Time       `json:"sendAfter"`
	ExpireTime  *time.Time      `json:"expireTime,omitempty"`
	Page        string          `json:"page,omitempty"`
	DedupKey    string          `json:"dedupKey,omitempty"`
	Attempts    int             `json:"attempts"`
	MsgID       *int64          `json:"msgId,omitempty"`
	ClaimID     string          `json:"claimId,omitempty"`
	LeaseUntil  *time.Time      `json:"leaseUntil,omitempty"`
	TraceParent string          `json:"traceparent,omitempty"` // as somebody wrote it
}

// List is the parameters as a list; false if they are none.
func (m Message) List() (params []string, ok bool) {
	var list []*string
	if json.Unmarshal(m.Params, &list) != nil || list == nil {
		return nil, false
	}
	params = make([]string, len(list))
	for i, p := range list {
		if p == nil {
			return nil, false
		}
		params[i] = *p
	}
	return params, true
}

const messagesSQL = `
SELECT id, openid, templateId, coalesce(to_json(parameterArr), 'null'), sendStatus, coalesce(sendStatusMsg, ''), errCode, sendTime, createTime, updateTime,
    least(greatest(sendAfter, 'epoch'), '9999-01-01'), CASE WHEN expireTime IS NOT NULL THEN least(greatest(expireTime, 'epoch'), '9999-01-01') END,
    coalesce(page, ''), coalesce(dedupKey, ''), attempts, msgId, coalesce(claimId::text, ''), leaseUntil, coalesce(traceparent, '')
FROM subMsgList WHERE id = ANY ($1) ORDER BY id DESC`

// Messages reads rows by their ids, the newest first. Ids that there are not are left out.
func Messages(ctx context.Context, db DB, ids []int64) ([]Message, error) {
	rows, err := db.Query(ctx, messagesSQL, ids)
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Message])
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	return list, nil
}

// Cause is why a message failed or waits, in plain words. The zero Cause: nobody wrote it down.
type Cause struct {
	Cause           string `json:"cause"`
	NextStep        string `json:"nextStep"`
	CauseEnglish    string `json:"causeEnglish"`
	NextStepEnglish string `json:"nextStepEnglish"`
}

const causeSQL = `
SELECT cause, nextStep, causeEnglish, nextStepEnglish FROM subMsgCause
WHERE errCode = $1 OR $1 IS NULL AND position(said IN $2) > 0 LIMIT 1`

// cause explains an errcode, or where there is none, what the row says.
func cause(ctx context.Context, db DB, errCode *int32, text string) (c Cause, err error) {
	err = db.QueryRow(ctx, causeSQL, errCode, text).Scan(&c.Cause, &c.NextStep, &c.CauseEnglish, &c.NextStepEnglish)
	if errors.Is(err, pgx.ErrNoRows) {
		return Cause{}, nil
	}
	return c, err
}

// refusal tells a row that the database refuses to write (a constraint, somebody's trigger) from trouble that isn't about rows:
// rights (42501), connections and shutdown, resources, by SQLSTATE (PostgreSQL, Appendix A).
func refusal(err error) (message string, ok bool) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 || pg.SeverityUnlocalized != "ERROR" {
		return "", false
	}
	switch pg.Code[:2] {
	case "08", "25", "28", "40", "42", "53", "57", "58", "XX":
		return "", false
	}
	return pg.Message, true
}
