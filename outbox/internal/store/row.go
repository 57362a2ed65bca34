package store

import "github.com/jackc/pgx/v5/pgtype"

// Row is a claimed message.
type Row struct {
	ID          int64
	OpenID      string
	TemplateID  string
	Params      []string
	Broken      bool // its parameters are no list of texts, because an administrator dropped a rule of the table
	Page        string
	Attempts    int
	TraceParent string
	Position    Position // where it stood in the queue
	ClaimID     string   // as text, because each of pgx's ways to execute a statement can hand that over
	Probe       string   // the pause that this message tests, "" for none
}

// Position is a place in the queue of a template. Messages go in the order of dueAt, id.
type Position struct {
	DueAt pgtype.Timestamptz
	ID    int64
}

// Front is before every message.
var Front = Position{DueAt: pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}}

// Before tells whether p comes before q.
func (p Position) Before(q Position) bool {
	if p.DueAt.InfinityModifier != q.DueAt.InfinityModifier {
		return p.DueAt.InfinityModifier < q.DueAt.InfinityModifier
	}
	c := p.DueAt.Time.Compare(q.DueAt.Time)
	return c < 0 || c == 0 && p.ID < q.ID
}
