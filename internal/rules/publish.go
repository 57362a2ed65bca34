package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Template is what a rule is checked against: the names of a template, and those of its parameters in order.
type Template struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Account string   `json:"account"` // that sends it
	Params  []string `json:"params"`
}

// PublishSQL adds the templates of $1, a JSON array of Template, to subMsgTemplate. A name means one template: where it
// meant another one before, that one goes by its id from now on.
const PublishSQL = `WITH given AS (
	SELECT id, name, title, account, ARRAY(SELECT jsonb_array_elements_text(params)) AS params
	FROM jsonb_to_recordset($1::jsonb) AS t (id text, name text, title text, account text, params jsonb)
), renamed AS (
	UPDATE subMsgTemplate SET name = templateId
	WHERE name IN (SELECT name FROM given) AND templateId NOT IN (SELECT id FROM given)
)
INSERT INTO subMsgTemplate (templateId, name, title, account, params)
SELECT id, name, title, coalesce(nullif(account, ''), 'default'), params FROM given ORDER BY id
ON CONFLICT (templateId) DO UPDATE
SET name = excluded.name, title = excluded.title, account = excluded.account, params = excluded.params, seenTime = now()`

// Publish stores a catalogue in the database, where rules are checked against it. Replicas may know different
// templates, so it takes nothing away that others have published; of a template that several know, what the last one
// says stays.
func Publish(ctx context.Context, db DB, templates []Template) error {
	for i := range templates {
		if templates[i].Params == nil {
			templates[i].Params = []string{}
		}
	}
	given, err := json.Marshal(templates)
	if err != nil {
		return fmt.Errorf("publish the templates: %w", err)
	}
	if _, err := db.Exec(ctx, PublishSQL, string(given)); err != nil {
		return fmt.Errorf("publish the templates: %w", err)
	}
	return nil
}

// ForgetSQL deletes the templates that were not published for the interval $1, and that no living replica knows.
const ForgetSQL = `DELETE FROM subMsgTemplate t
WHERE seenTime < now() - $1::interval AND NOT EXISTS (
	SELECT FROM subMsgReplicaTemplate k JOIN subMsgLivingReplica USING (replica) WHERE k.templateId = t.templateId)`

// Forget deletes the templates that nobody has published for so long. Whoever calls it has published his own again and
// again for as long: so templates are not forgotten while nobody serves.
func Forget(ctx context.Context, db DB, unpublished time.Duration) error {
	if _, err := db.Exec(ctx, ForgetSQL, unpublished); err != nil {
		return fmt.Errorf("forget templates: %w", err)
	}
	return nil
}
