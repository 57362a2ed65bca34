package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Replayed tells what became of a rule's stored errors.
type Replayed struct {
	Rule   string `json:"rule"`
	Sent   int64  `json:"sent"`   // are messages now
	Failed int64  `json:"failed"` // are errors still
	Gone   int64  `json:"gone"`   // the row is gone, or asks for no message any more; the error is deleted
	Error  string `json:"error,omitempty"`
}

const replaySQL = `SELECT rule, sent, failed, gone, coalesce(error, '') FROM submsg_replay($1)`

// Replay makes the messages that are missing since a rule was broken, of one rule or, if name is "", of all. Rows are updated with
// the caller's rights: their tables' own triggers run as in any update. Rules without errors aren't returned.
func Replay(ctx context.Context, db DB, name string) ([]Replayed, error) {
	rows, err := db.Query(ctx, replaySQL, some(name))
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	done, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Replayed])
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	return done, nil
}
