package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/submsg/submsg/internal/ops"
)

// listed is how many messages are shown where nobody says.
const listed = 20

type listCmd struct {
	databaseSettings
	selectSettings
	jsonSettings
	Full bool `help:"Whole openids."`
}

// Run prints the newest messages of a selection.
func (c *listCmd) Run(ctx context.Context, term terminal) error {
	selected, err := c.selection()
	if err != nil {
		return err
	}
	if selected.Limit == 0 {
		selected.Limit = listed
	}
	return c.session(ctx, term, func(conn *pgx.Conn) error {
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
			return printJSON(term, rows)
		}
		if len(rows) == 0 {
			fmt.Fprintln(term.out, say(language(), "no such messages", "没有这样的消息"))
			return nil
		}
		fmt.Fprintln(term.out, messageTable(rows))
		return nil
	})
}

// mask shortens the openids, unless they are wanted whole.
func mask(rows []ops.Message, full bool) {
	for i := range rows {
		if !full {
			rows[i].OpenID = shortOpenID(rows[i].OpenID)
		}
	}
}

func messageTable(rows []ops.Message) string {
	t := newTable("id", "openid", "templateId", "sendStatus", say(language(), "inserted", "写入时间"), "sendStatusMsg")
	t.SetColumnConfigs([]table.ColumnConfig{wrapped(3, 20), wrapped(6, 60)})
	for _, m := range rows {
		t.AppendRow(table.Row{m.ID, visible(m.OpenID), visible(m.TemplateID), m.Status, m.CreateTime.Local().Format(time.DateTime), visible(m.Text)})
	}
	return t.Render()
}

// lookEvery is the number of rows that a search looks at between two signs of life.
const lookEvery = 100_000

// looking tells on standard error how a long search goes, and ends it when ctx is done.
func looking(ctx context.Context, term terminal) func(looked, found int64) error {
	return func(looked, found int64) error {
		if looked%lookEvery == 0 {
			fmt.Fprintf(term.err, "submsg: looked at %d messages, found %d\n", looked, found)
		}
		return ctx.Err()
	}
}
