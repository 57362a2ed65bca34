// Package messages is the work of the commands about messages: send one, see how it goes on the whole (status), find
// (list), explain (show) and change (retry, cancel) them. What is read and changed in the database is in internal/ops;
// here it is asked for and printed. Begin with the command's own file; select.go says which messages are meant.
package messages

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/ops"
)

// listed is how many messages are shown where nobody says.
const listed = 20

// List is `submsg list`.
type List struct {
	settings.Database
	selectSettings
	settings.Output
	Full bool `help:"Whole openids."`
}

// Run prints the newest messages of a selection.
func (c *List) Run(ctx context.Context, term terminal.Terminal) error {
	selected, err := c.selection()
	if err != nil {
		return err
	}
	if selected.Limit == 0 {
		selected.Limit = listed
	}
	return c.Session(ctx, term, func(conn *pgx.Conn) error {
		ids, err := ops.Find(ctx, conn, selected, looking(ctx, term))
		if err != nil {
			return err
		}
		rows, err := ops.Messages(ctx, conn, ids)
		if err != nil {
			return err
		}
		mask(rows, c.Full)
		if c.JSON {
			return term.Out.JSON(rows)
		}
		if len(rows) == 0 {
			term.Out.Line("%s", explain.ListWords.None.In(explain.ByLocale()))
			return nil
		}
		term.Out.Table(messageTable(rows))
		return nil
	})
}

// mask shortens the openids, unless they are wanted whole.
func mask(rows []ops.Message, full bool) {
	for i := range rows {
		if !full {
			rows[i].OpenID = terminal.ShortOpenID(rows[i].OpenID)
		}
	}
}

func messageTable(rows []ops.Message) *terminal.Table {
	t := terminal.NewTable("id", "openid", "templateId", "sendStatus",
		explain.ListWords.Inserted.In(explain.ByLocale()), "sendStatusMsg")
	t.Wrap(3, 20)
	t.Wrap(6, 60)
	for _, m := range rows {
		t.Row(m.ID, m.OpenID, m.TemplateID, m.Status, m.CreateTime.Local().Format(time.DateTime), m.Text)
	}
	return t
}

// lookEvery is the number of rows that a search looks at between two signs of life.
const lookEvery = 100_000

// looking tells on standard error how a long search goes, and ends it when ctx is done.
func looking(ctx context.Context, term terminal.Terminal) func(looked, found int64) error {
	return func(looked, found int64) error {
		if looked%lookEvery == 0 {
			term.Tell("looked at %d messages, found %d", looked, found)
		}
		return ctx.Err()
	}
}
