package store

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Claim asks for messages. They are "sending" once the statement has succeeded.
type Claim struct {
	ID     string        // the claimId that it will have
	Parts  []Part        // by account
	Jump   bool          // the templates are many: those of them that wait are found by a loose index scan
	Newest bool          // the newest messages of each template, instead of the oldest of each account
	Limit  int           // at most so many messages, of all accounts together
	Skip   []int64       // messages to leave out
	People []string      // openids to leave out, in accounts that send one message to a person at a time
	Leave  []string      // shapes to leave out
	Lease  time.Duration // until the messages count as unknown
	End    time.Time     // by the database's clock: a claim that executes later does nothing
}

// Part is what a claim asks for of one account.
type Part struct {
	Account string
	Alone   bool     // it sends one message to a person at a time
	Seek    []Sought // the templates whose messages may go
	Any     bool     // besides those, whatever templateIds wait; where it is the claim's only part
	Limit   int      // at most so many messages
	Depth   int      // looks at so many messages of each template at most
}

// Sought is a template, and the place in its queue where a claim begins.
type Sought struct {
	TemplateID string
	After      Position
}

// Claimed is what a claim has found.
type Claimed struct {
	Rows []Row
	// Ends are where the claim stopped looking, for those templates of which it looked at Depth messages: there may
	// be more behind.
	Ends []Sought
}

// queue adds a claim to a batch of statements. The columns are scanned by position, into variables that are used again
// for each row: this is the hot path.
func (c *Claim) queue(batch *pgx.Batch, got *Claimed) {
	args := append(c.args(), c.ID, c.Lease)
	batch.Queue(c.sql(), args...).Query(func(rows pgx.Rows) error { return got.scan(rows, c.ID) })
}

// args are the parameters that say what a claim may take.
func (c *Claim) args() []any {
	n := 0
	for _, p := range c.Parts {
		n += len(p.Seek)
	}
	templates, dueAts := make([]string, 0, n), make([]pgtype.Timestamptz, 0, n)
	ids, of := make([]int64, 0, n), make([]int64, 0, n)
	names, alone := make([]string, len(c.Parts)), make([]bool, len(c.Parts))
	limits, depths := make([]int32, len(c.Parts)), make([]int32, len(c.Parts))
	for i, p := range c.Parts {
		names[i], alone[i], limits[i], depths[i] = p.Account, p.Alone, int32(p.Limit), int32(p.Depth)
		for _, s := range p.Seek {
			templates, dueAts = append(templates, s.TemplateID), append(dueAts, s.After.DueAt)
			ids, of = append(ids, s.After.ID), append(of, int64(i+1))
		}
	}
	return []any{templates, dueAts, ids, of, names, limits, depths, alone, c.Limit, orEmpty(c.Skip), orEmpty(c.People),
		c.End, orEmpty(c.Leave)}
}

// orEmpty makes nil an empty list, because id <> ALL (NULL) is true for no row.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// scan takes in what a claim returns: its messages, and beside them, with attempts = 0, where it stopped looking.
func (g *Claimed) scan(rows pgx.Rows, claimID string) error {
	var params parameterList
	m := Row{ClaimID: claimID}
	columns := []any{&m.ID, &m.OpenID, &m.TemplateID, &params, &m.Page, &m.Attempts, &m.TraceParent, &m.Position.DueAt,
		&m.Probe}
	_, err := pgx.ForEachRow(rows, columns, func() error {
		m.Position.ID = m.ID
		if m.Attempts == 0 {
			g.Ends = append(g.Ends, Sought{m.TemplateID, m.Position})
			return nil
		}
		m.Params, m.Broken = params.texts()
		g.Rows = append(g.Rows, m)
		return nil
	})
	return err
}
