package store

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Claim asks for messages. They are "sending" once the statement has succeeded.
type Claim struct {
	ID     string        // the claimId that it will have
	Seek   []Sought      // the templates whose messages may go
	Any    bool          // besides those, whatever templateIds wait
	Newest bool          // the newest messages of each template, instead of the globally oldest
	Limit  int           // at most so many messages
	Depth  int           // looks at so many messages of each template at most
	Skip   []int64       // messages to leave out
	People []string      // openids to leave out
	Lease  time.Duration // until the messages count as unknown
	End    time.Time     // by the database's clock: a claim that executes later does nothing
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
	sql := claimOldestSQL
	switch {
	case c.Newest && c.Any:
		sql = claimAnyNewestSQL
	case c.Newest:
		sql = claimNewestSQL
	case c.Any:
		sql = claimAnyOldestSQL
	}
	args := append(c.args(), c.ID, c.Lease)
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error { return got.scan(rows, c.ID) })
}

// args are the parameters that say what a claim may take.
func (c *Claim) args() []any {
	n := len(c.Seek)
	templates, ids, dueAts := make([]string, n), make([]int64, n), make([]pgtype.Timestamptz, n)
	for i, s := range c.Seek {
		templates[i], ids[i], dueAts[i] = s.TemplateID, s.After.ID, s.After.DueAt
	}
	return []any{templates, dueAts, ids, c.Limit, c.Depth, orEmpty(c.Skip), orEmpty(c.People), c.End}
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
