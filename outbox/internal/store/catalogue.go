package store

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// A message's shape is its templateId and how many parameters it has: "orderStatus 4". A templateId holds no space.
// Shapes are what replicas tell each other of their template files.

// Shape is the shape of messages of a template with so many parameters.
func Shape(templateID string, params int) string { return templateID + " " + strconv.Itoa(params) }

// shape is that of a message, in SQL.
const shape = `pg_catalog.concat(templateId, ' ', pg_catalog.cardinality(parameterArr))`

// These hold for a message whose shape isn't left to others. They cost nothing where nothing is.
const (
	oursInLook  = `(pg_catalog.cardinality($2::text[]) = 0 OR ` + shape + ` <> ALL ($2))`
	oursInClaim = `(pg_catalog.cardinality($13::text[]) = 0 OR ` + shape + ` <> ALL ($13))`
)

// living is part of a statement: the templates that some living replica knows.
const living = `subMsgReplicaTemplate k JOIN subMsgLivingReplica USING (replica)`

const knownSQL = `
SELECT DISTINCT pg_catalog.concat(templateId, ' ', paramCount) FROM ` + living + ` WHERE templateId = ANY ($1)`

// Known returns the shapes that messages of these templates have for some living replica.
func (s *Store) Known(ctx context.Context, templates []string) ([]string, error) {
	rows, err := s.Pool.Query(ctx, knownSQL, templates)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

const (
	forgetTemplatesSQL = `
DELETE FROM subMsgReplicaTemplate k WHERE replica = $1
    AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::int[]) AS g (id, n) WHERE id = k.templateId AND n = k.paramCount)`

	noteTemplatesSQL = `
INSERT INTO subMsgReplicaTemplate (replica, templateId, paramCount)
SELECT $1, id, n FROM unnest($2::text[], $3::int[]) AS g (id, n)
WHERE NOT EXISTS (SELECT FROM subMsgReplicaTemplate k WHERE k.replica = $1 AND k.templateId = g.id)`
)

// queueTemplates adds to a batch of statements what a replica's files say. It writes only what has changed, and is
// repeated with each report, because the row of a replica that was silent for long is deleted with all of this.
func queueTemplates(batch *pgx.Batch, replica string, templates map[string]int) {
	ids := slices.Sorted(maps.Keys(templates))
	counts := make([]int, len(ids))
	for i, id := range ids {
		counts[i] = templates[id]
	}
	batch.Queue(forgetTemplatesSQL, replica, orEmpty(ids), counts)
	batch.Queue(noteTemplatesSQL, replica, orEmpty(ids), counts)
}
