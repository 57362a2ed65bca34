package rules

import (
	"context"
	"encoding/json"
	"fmt"
)

// Template is what a rule is checked against: the names of a template, and those of its parameters in order.
type Template struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Account string   `json:"account"` // that sends it
	Params  []string `json:"params"`
}

// PublishSQL replaces the rows of subMsgTemplate by those of $1, a JSON array of Template.
const PublishSQL = `WITH given AS (
	SELECT id, name, title, account, ARRAY(SELECT jsonb_array_elements_text(params)) AS params
	FROM jsonb_to_recordset($1::jsonb) AS t (id text, name text, title text, account text, params jsonb)
), gone AS (
	DELETE FROM subMsgTemplate WHERE templateId NOT IN (SELECT id FROM given)
)
INSERT INTO subMsgTemplate (templateId, name, title, account, params)
SELECT id, name, title, coalesce(nullif(account, ''), 'default'), params FROM given ORDER BY id
ON CONFLICT (templateId) DO UPDATE
SET name = excluded.name, title = excluded.title, account = excluded.account, params = excluded.params, seenTime = now()`

// Publish stores the catalogue in the database, where rules are checked against it. Several replicas may publish at
// once: what the last one says stays.
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
