package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Replayed tells what became of the stored errors of a rule.
type Replayed struct {
	Rule   string `json:"rule"`
	Sent   int64  `json:"sent"`   // messages that exist now
	Failed int64  `json:"failed"` // errors that stay
	Gone   int64  `json:"gone"`   // errors deleted, because the row is gone or asks for no message any more
	Error  string `json:"error,omitempty"`
}

const replaySQL = `SELECT rule, sent, failed, gone, coalesce(error, '') AS error FROM submsg_replay($1::text)`

// Replay makes the messages that are missing since a rule was broken: those of one rule, or of all if name is "". It
// updates rows with the caller's rights, and their tables' own triggers run as in any update. Rules that had no errors
// aren't returned.
func Replay(ctx context.Context, db DB, name string) ([]Replayed, error) {
	rows, err := db.Query(ctx, replaySQL, orNull(name))
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	done, err := pgx.CollectRows(rows, pgx.RowToStructByName[Replayed])
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	return done, nil
}
