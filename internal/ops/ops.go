// Package ops is what operators and administrators ask of the messages, and what they do to them: how it goes, which
// messages there are, the story of one, sending again, calling off.
//
// It knows no terminal and no language: the commands print what it finds, in the words of package
// explain. It never counts the table, because no index is by outcome (every settlement would have to write it): it
// reads a bounded number of rows, and a selection that names neither ids nor waiting messages walks the primary key
// from its newest end.
//
// Begin reading at Message, then status.go (Look), show.go (Show), select.go (Find) and change.go (Retry, Cancel).
package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

// DB is a pool or a connection.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Message is a row of subMsgList, wherever people read one. A new column gets a field here and a line in
// messageColumns. Times that are infinite come as the years 1970 and 9999.
type Message struct {
	ID          int64           `json:"id"`
	OpenID      string          `json:"openid"`
	TemplateID  string          `json:"templateId"`
	Params      json.RawMessage `json:"parameterArr" db:"parameterArr"` // a list of texts, unless a CHECK was dropped
	Status      outbox.Status   `json:"sendStatus" db:"sendStatus"`
	Text        string          `json:"sendStatusMsg,omitempty" db:"sendStatusMsg"`
	ErrCode     *int32          `json:"errCode,omitempty"`
	ErrKind     explain.Kind    `json:"errKind,omitempty"`
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

// messageColumns is what is read of a row into a Message, by the names of its fields.
const messageColumns = `
    id, openid, templateId,
    coalesce(pg_catalog.to_json(parameterArr), 'null') AS parameterArr,
    sendStatus,
    coalesce(sendStatusMsg, '') AS sendStatusMsg,
    errCode,
    coalesce(errKind, '') AS errKind,
    sendTime, createTime, updateTime,
    least(greatest(sendAfter, 'epoch'), '9999-01-01') AS sendAfter,
    CASE WHEN expireTime IS NOT NULL THEN least(greatest(expireTime, 'epoch'), '9999-01-01') END AS expireTime,
    coalesce(page, '') AS page,
    coalesce(dedupKey, '') AS dedupKey,
    attempts, msgId,
    coalesce(claimId::text, '') AS claimId,
    leaseUntil,
    coalesce(traceparent, '') AS traceparent`

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

const messagesSQL = `SELECT ` + messageColumns + ` FROM subMsgList WHERE id = ANY ($1) ORDER BY id DESC`

// Messages reads rows by their ids, the newest first. Ids that there are not are left out.
func Messages(ctx context.Context, db DB, ids []int64) ([]Message, error) {
	rows, err := db.Query(ctx, messagesSQL, ids)
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Message])
	if err != nil {
		return nil, fmt.Errorf("read the messages: %w", err)
	}
	return list, nil
}

// Cause is a cause in both tongues, as the table subMsgCause and the views have it.
type Cause struct {
	Cause           string `json:"cause"`
	NextStep        string `json:"nextStep"`
	CauseEnglish    string `json:"causeEnglish"`
	NextStepEnglish string `json:"nextStepEnglish"`
}

// cause finds why a message failed or is tried again, by its errcode, or where there is none by its kind. It is
// nil for a message that has not failed.
func (m Message) cause() *Cause {
	found, ok := explain.CauseOf(m.ErrCode, m.ErrKind)
	if !ok && (m.Status == outbox.Failed || m.Status == outbox.Uncertain || m.Status == outbox.Expired) {
		found, ok = explain.Written(m.Text), true
	}
	if !ok {
		return nil
	}
	return &Cause{found.Why.ZH, found.NextStep.ZH, found.Why.EN, found.NextStep.EN}
}

// Explained is the cause as package explain has it.
func (c Cause) Explained() explain.Cause {
	return explain.Cause{
		Why:      explain.Text{ZH: c.Cause, EN: c.CauseEnglish},
		NextStep: explain.Text{ZH: c.NextStep, EN: c.NextStepEnglish},
	}
}

// refusal is what the database says of a row that it refuses to write. submsg's own guard says it in English in the
// detail; other details are not taken, because they may show the row.
func refusal(err error) (says Left, ok bool) {
	pg := new(pgconn.PgError)
	if !outbox.RefusesRow(err) || !errors.As(err, &pg) {
		return Left{}, false
	}
	says.Text = pg.Message
	if strings.Contains(pg.Where, "submsglist_guard()") {
		says.English = pg.Detail
	}
	return says, true
}
