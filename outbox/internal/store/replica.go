package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Replica is what a consumer says of itself.
type Replica struct {
	ID       string // a UUID
	Host     string
	PID      int
	Accounts map[string]string // why they can send nothing, by name; "" if they can
	Trouble  string            // why it can claim nothing; "" if it can
	InHand   int               // messages that it holds
	Ahead    int               // those of them that wait for a sender
	Behind   []int64           // those of them that wait for another one to the same person
	Refused  map[int64]string  // why the database lets nobody write these

	Templates map[string]int // by templateId, each spelling: how many parameters its files ask for
}

const sayReplicaSQL = `
INSERT INTO subMsgReplica (replica, host, pid, accounts, trouble, inHand, ahead, behind, refused, reasons)
VALUES ($1, $2, $3, $4, left($5, 1000), $6, $7, $8, $9, $10)
ON CONFLICT (replica) DO UPDATE SET seen = now(), accounts = excluded.accounts, trouble = excluded.trouble,
    inHand = excluded.inHand, ahead = excluded.ahead, behind = excluded.behind, refused = excluded.refused,
    reasons = excluded.reasons`

const deadReplicasSQL = `DELETE FROM subMsgReplica WHERE replica NOT IN (SELECT replica FROM subMsgLivingReplica)`

// SayReplica writes what a consumer says of itself, and removes those that are dead.
func (s Housekeeping) SayReplica(ctx context.Context, r Replica) error {
	batch := new(pgx.Batch)
	batch.Queue(sayReplicaSQL, r.ID, r.Host, r.PID, r.Accounts, r.Trouble, r.InHand, r.Ahead, r.Behind,
		len(r.Refused), r.Refused)
	queueTemplates(batch, r.ID, r.Templates)
	batch.Queue(deadReplicasSQL)
	return s.Pool.SendBatch(ctx, batch).Close()
}

// RemoveReplica takes away what a consumer has said of itself.
func (s Housekeeping) RemoveReplica(ctx context.Context, id string) error {
	_, err := s.Pool.Exec(ctx, `DELETE FROM subMsgReplica WHERE replica = $1`, id)
	return err
}
