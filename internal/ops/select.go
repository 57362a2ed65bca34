package ops

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/outbox"
)

// Selection says which messages. What is empty selects by nothing; the zero Selection is all of them.
type Selection struct {
	IDs       []int64
	Templates []string // WeChat's ids or names; each finds the other too, where submsg serve has told of it
	OpenID    string
	Statuses  []outbox.Status
	ErrCodes  []int32
	Older     time.Duration // inserted at least so long ago
	Newer     time.Duration // inserted less than so long ago
	DueBefore time.Time     // to be sent before
	Limit     int           // the newest so many; 0 is all
}

// matches is a Selection as the arguments $1 to $8 of matchSQL, its ages made times by the database's clock.
type matches []any

const matchSQL = `($1::bigint[] IS NULL OR id = ANY ($1)) AND ($2::text[] IS NULL OR templateId = ANY ($2)) AND ($3::text = '' OR openid = $3)
    AND ($4::text[] IS NULL OR sendStatus = ANY ($4)) AND ($5::int[] IS NULL OR errCode = ANY ($5))
    AND ($6::timestamptz IS NULL OR createTime <= $6) AND ($7::timestamptz IS NULL OR createTime > $7)
    AND ($8::timestamptz IS NULL OR sendAfter < $8)`

func (s Selection) matches(now time.Time) matches {
	at := func(age time.Duration) *time.Time {
		if age == 0 {
			return nil
		}
		t := now.Add(-age)
		return &t
	}
	var due *time.Time
	if !s.DueBefore.IsZero() {
		due = &s.DueBefore
	}
	return matches{s.IDs, s.Templates, s.OpenID, words(s.Statuses), s.ErrCodes, at(s.Older), at(s.Newer), due}
}

// A template's id stands for its name, and the other way round.
const spellingsSQL = `
SELECT pg_catalog.array_agg(DISTINCT word) FROM pg_catalog.unnest($1::text[]) AS given LEFT JOIN subMsgTemplate t ON given IN (t.templateId, t.name),
    pg_catalog.unnest(ARRAY[given, t.templateId, t.name]) AS word WHERE word IS NOT NULL`

func spellings(ctx context.Context, db DB, templates []string) (all []string, err error) {
	if len(templates) == 0 {
		return nil, nil
	}
	err = db.QueryRow(ctx, spellingsSQL, templates).Scan(&all)
	return all, err
}

// words is nil for none, which is NULL in SQL.
func words(statuses []outbox.Status) (list []string) {
	for _, s := range statuses {
		list = append(list, string(s))
	}
	return list
}

// One statement finds what is known by its ids, what waits and what is being sent.
const findSQL = `
SELECT coalesce(pg_catalog.array_agg(id ORDER BY id DESC) FILTER (WHERE ` + matchSQL + `), '{}') FROM subMsgList WHERE `

const (
	findIDsSQL     = findSQL + `id = ANY ($1)`
	findWaitingSQL = findSQL + `dueAt IS NOT NULL`
	findSendingSQL = findSQL + `id = ANY (ARRAY(SELECT pg_catalog.unnest(ids) FROM subMsgClaim))`
)

// Everything else is found by a walk. The number of rows stands in the statement, because a plan for any number of them
// may sort the whole table.
const stepSQL = `
WITH step AS MATERIALIZED (
    SELECT id, openid, templateId, sendStatus, errCode, createTime, sendAfter FROM subMsgList WHERE id < $9 ORDER BY id DESC LIMIT 10000
)
SELECT count(*) AS looked, coalesce(min(id), 0) AS last, coalesce(max(createTime), 'epoch') AS newest,
    coalesce(pg_catalog.array_agg(id ORDER BY id DESC) FILTER (WHERE ` + matchSQL + `), '{}') AS found
FROM step`

// Ids follow createTime nearly: a transaction may insert for so long after it began.
const longestInsert = time.Hour

// Find returns the ids of the selected messages, the newest first. Progress, if not nil, is called with the number of
// rows looked at and found so far; its error ends the search.
func Find(ctx context.Context, db DB, s Selection, progress func(looked, found int64) error) (ids []int64, err error) {
	var now time.Time
	if err := db.QueryRow(ctx, `SELECT now()`).Scan(&now); err != nil {
		return nil, fmt.Errorf("find the messages: %w", err)
	}
	if s.Templates, err = spellings(ctx, db, s.Templates); err != nil {
		return nil, fmt.Errorf("find the messages: %w", err)
	}
	only := func(status outbox.Status) bool { return len(s.Statuses) == 1 && s.Statuses[0] == status }
	m := s.matches(now)
	switch {
	case s.IDs != nil:
		err = db.QueryRow(ctx, findIDsSQL, m...).Scan(&ids)
	case only(outbox.Waiting):
		err = db.QueryRow(ctx, findWaitingSQL, m...).Scan(&ids)
	case only(outbox.Sending):
		err = db.QueryRow(ctx, findSendingSQL, m...).Scan(&ids)
	default:
		ids, err = s.walk(ctx, db, now, progress)
	}
	if err != nil {
		return nil, fmt.Errorf("find the messages: %w", err)
	}
	if s.Limit > 0 && len(ids) > s.Limit {
		ids = ids[:s.Limit]
	}
	return ids, nil
}

// step is what one step of a walk has found.
type step struct {
	Looked int64
	Last   int64     // the lowest id
	Newest time.Time // the latest createTime
	Found  []int64
}

func (s Selection) walk(
	ctx context.Context, db DB, now time.Time, progress func(looked, found int64) error,
) (ids []int64, err error) {
	m := s.matches(now)
	for before, looked := int64(math.MaxInt64), int64(0); ; {
		// The error of Query comes from CollectExactlyOneRow.
		rows, _ := db.Query(ctx, stepSQL, append(slices.Clone(m), before)...)
		at, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[step])
		if err != nil {
			return nil, err
		}
		ids, before, looked = append(ids, at.Found...), at.Last, looked+at.Looked
		enough := s.Limit > 0 && len(ids) >= s.Limit
		beyond := s.Newer > 0 && at.Newest.Before(now.Add(-s.Newer-longestInsert))
		if at.Looked == 0 || enough || beyond {
			return ids, nil
		}
		if progress != nil {
			if err := progress(looked, int64(len(ids))); err != nil {
				return nil, err
			}
		}
	}
}

// Tally is a number of messages of one status.
type Tally struct {
	Status outbox.Status `db:"sendStatus"`
	Count  int64
}

const tallySQL = `SELECT sendStatus, count(*) FROM subMsgList WHERE id = ANY ($1) GROUP BY sendStatus ORDER BY count(*) DESC, sendStatus`

// Count tells how many of the messages have which status, the most frequent first.
func Count(ctx context.Context, db DB, ids []int64) ([]Tally, error) {
	rows, err := db.Query(ctx, tallySQL, ids)
	if err != nil {
		return nil, fmt.Errorf("count the messages: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Tally])
	if err != nil {
		return nil, fmt.Errorf("count the messages: %w", err)
	}
	return list, nil
}
