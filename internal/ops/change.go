package ops

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/outbox"
)

// Retryable is what can be sent again: whatever has come to an end. Cancellable is what can be called off.
var (
	Retryable   = []outbox.Status{outbox.Failed, outbox.Uncertain, outbox.Expired, outbox.Cancelled, outbox.Succeeded}
	Cancellable = []outbox.Status{outbox.Waiting, outbox.Failed, outbox.Uncertain, outbox.Expired}
)

// Why is why a message was left as it is.
type Why string

// The reasons.
const (
	Locked  Why = "locked"  // somebody's transaction holds the row
	Changed Why = "changed" // it is not in the selection any more
	Gone    Why = "gone"    // deleted
	Late    Why = "late"    // its expireTime is over
	Refused Why = "refused" // by a constraint or trigger, see Left.Text
)

// Left is a message that was left as it is.
type Left struct {
	ID      int64         `json:"id"`
	Why     Why           `json:"why"`
	Status  outbox.Status `json:"sendStatus,omitempty" db:"sendStatus"`
	Text    string        `json:"text,omitempty"`        // what the database said,
	English string        `json:"textEnglish,omitempty"` // and in English, where it is submsg's own guard that says so
}

// Result is what has become of a change: each id is in Changed or in Left.
type Result struct {
	Changed int64  `json:"changed"`
	Left    []Left `json:"left,omitempty"`
}

// mostChanged bounds a transaction: so many rows are locked at once.
const mostChanged = 1000

// It is the same as an administrator's own UPDATE, and the table's triggers guard it. Rows that somebody holds are
// passed over, not waited for, and what has changed since it was found is left alone.
const changeSQL = `
WITH picked AS MATERIALIZED (
    SELECT id FROM subMsgList
    WHERE id = ANY ($9) AND ` + matchSQL + ` AND sendStatus <> $10
        AND ($10 <> 'wait' OR expireTime IS NULL OR expireTime > clock_timestamp())
    ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE subMsgList m SET sendStatus = $10 FROM picked WHERE m.id = picked.id RETURNING m.id`

const leftSQL = `
SELECT id, sendStatus, CASE
    WHEN (` + matchSQL + ` AND sendStatus <> $10) IS NOT TRUE THEN 'changed'
    WHEN $10 = 'wait' AND expireTime <= clock_timestamp() THEN 'late'
    ELSE 'locked' END AS why, '' AS text, '' AS english
FROM subMsgList WHERE id = ANY ($9)`

// Retry sets messages that Find has found to wait, Cancel to cancel: in transactions of 1,000 at most, each message
// only if the selection still holds. Progress, if not nil, is called after each transaction with the result so far;
// its error ends the work. What was done before an error stays done, and is in the result.
func Retry(ctx context.Context, db DB, s Selection, ids []int64, progress func(Result) error) (Result, error) {
	return change(ctx, db, s, ids, outbox.Waiting, progress)
}

// Cancel is described at Retry.
func Cancel(ctx context.Context, db DB, s Selection, ids []int64, progress func(Result) error) (Result, error) {
	return change(ctx, db, s, ids, outbox.Cancelled, progress)
}

// alteration is a change under way.
type alteration struct {
	db     DB
	match  matches
	to     outbox.Status
	result Result
}

func change(
	ctx context.Context, db DB, s Selection, ids []int64, to outbox.Status, progress func(Result) error,
) (Result, error) {
	var err error
	if s.Templates, err = spellings(ctx, db, s.Templates); err != nil {
		return Result{}, fmt.Errorf("set %s: %w", to, err)
	}
	s.Older, s.Newer = 0, 0 // an age was a way to find them, createTime never changes
	a := alteration{db: db, match: s.matches(time.Time{}), to: to}
	for batch := range slices.Chunk(ids, mostChanged) {
		if err := a.write(ctx, batch); err != nil {
			return a.result, fmt.Errorf("set %s: %w", to, err)
		}
		if progress != nil {
			if err := progress(a.result); err != nil {
				return a.result, err
			}
		}
	}
	return a.result, nil
}

// write changes a batch. Where the database refuses that, it changes each half of the batch by itself, down to the
// single message, so that only the refused ones are left.
func (a *alteration) write(ctx context.Context, batch []int64) error {
	done, err := a.update(ctx, batch)
	if says, refused := refusal(err); refused && len(batch) > 1 {
		if err := a.write(ctx, batch[:len(batch)/2]); err != nil {
			return err
		}
		return a.write(ctx, batch[len(batch)/2:])
	} else if refused {
		says.ID, says.Why = batch[0], Refused
		a.result.Left = append(a.result.Left, says)
		return nil
	} else if err != nil {
		return err
	}
	a.result.Changed += int64(len(done))
	if len(done) == len(batch) {
		return nil
	}
	changed := make(map[int64]bool, len(done))
	for _, id := range done {
		changed[id] = true
	}
	return a.explain(ctx, slices.DeleteFunc(slices.Clone(batch), func(id int64) bool { return changed[id] }))
}

func (a *alteration) args(batch []int64) []any {
	return append(slices.Clone(a.match), batch, string(a.to))
}

func (a *alteration) update(ctx context.Context, batch []int64) ([]int64, error) {
	rows, err := a.db.Query(ctx, changeSQL, a.args(batch)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// explain says why messages were left.
func (a *alteration) explain(ctx context.Context, batch []int64) error {
	rows, err := a.db.Query(ctx, leftSQL, a.args(batch)...)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Left])
	if err != nil {
		return err
	}
	there := make(map[int64]Left, len(batch))
	for _, l := range list {
		there[l.ID] = l
	}
	for _, id := range batch {
		l, found := there[id]
		if !found {
			l = Left{ID: id, Why: Gone}
		}
		a.result.Left = append(a.result.Left, l)
	}
	return nil
}
