package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/templates"
)

// Test is `submsg rules test`.
type Test struct {
	settings.Database
	settings.Templates
	settings.Output
	Table string `arg:"" help:"The table as SQL names it."`
	Where string `default:"true" placeholder:"SQL" help:"Which rows: \"id = 7\"."`
	Limit int    `default:"10" help:"How many rows at most."`
}

// Run prints what an update that sets the flag, or brings the row into its present state, would say.
func (c *Test) Run(ctx context.Context, term terminal.Terminal) error {
	if c.Limit < 1 {
		return terminal.BadUsage("--limit is %d, it must be at least 1", c.Limit)
	}
	catalogue, err := c.Load()
	if err != nil {
		return err
	}
	return c.TableSession(ctx, term, func(conn *pgx.Conn) error {
		all, err := rules.Test(ctx, conn, c.Table, c.Where, c.Limit)
		if err != nil {
			return err
		}
		now, err := clock(ctx, conn)
		if err != nil {
			return err
		}
		list := make([]preview, len(all))
		messages, refused := 0, 0
		for i, p := range all {
			list[i] = render(p, now, catalogue)
			if p.Problem == "" {
				messages++
			}
			if list[i].Refused != "" {
				refused++
			}
		}
		if c.JSON {
			return term.Out.JSON(list)
		}
		if len(list) > 0 {
			term.Out.Table(previewTable(list))
		} else {
			term.Out.Line("no rule on this table, or no such row")
		}
		term.Out.Line("messages: %d (would fail: %d); nothing was sent or changed", messages, refused)
		return nil
	})
}

// clock is the database's time, which all other times are of.
func clock(ctx context.Context, conn *pgx.Conn) (now time.Time, err error) {
	err = conn.QueryRow(ctx, `SELECT now()`).Scan(&now)
	return now, err
}

// preview is a message that doesn't exist, as its user would see it.
type preview struct {
	Row        string            `json:"row,omitempty"`
	Rule       string            `json:"rule"`
	OpenID     string            `json:"openid"` // shortened
	Template   string            `json:"template"`
	Params     []string          `json:"parameterArr"`
	Data       map[string]string `json:"data,omitempty"` // WeChat's keys
	Page       string            `json:"page,omitempty"`
	SendAfter  time.Time         `json:"sendAfter,omitzero"`
	ExpireTime *time.Time        `json:"expireTime,omitempty"`
	DedupKey   string            `json:"dedupKey,omitempty"`
	Problem    string            `json:"problem,omitempty"` // why there would be no message
	Refused    string            `json:"refused,omitempty"` // why the message would fail

	due, says []string
}

// render fills in the template. A message is due at once unless its time is after now.
func render(p rules.Preview, now time.Time, catalogue *templates.Catalogue) preview {
	v := preview{Row: p.Key(), Rule: p.Rule, OpenID: terminal.ShortOpenID(p.OpenID), Template: p.Template,
		Params: p.Params, Page: p.Page, SendAfter: p.SendAfter,
		ExpireTime: p.ExpireTime, DedupKey: p.DedupKey, Problem: p.Problem}
	if p.Problem != "" {
		v.says = []string{"no message: " + p.Problem}
		return v
	}
	v.due = []string{"at once"}
	if p.SendAfter.After(now) {
		v.due = []string{p.SendAfter.Local().Format(time.DateTime)}
	}
	if p.ExpireTime != nil {
		v.due = append(v.due, "until "+p.ExpireTime.Local().Format(time.DateTime))
	}
	t, ok := catalogue.Find(p.Template)
	if !ok {
		for i, value := range p.Params {
			v.says = append(v.says, fmt.Sprintf("%d %s", i+1, value))
		}
		v.says = append(v.says, fmt.Sprintf("(template %s isn't in the files here)", p.Template))
		return v
	}
	payload, err := t.Render(p.Params, p.Page)
	if err != nil {
		v.Refused = err.Error()
		v.says = []string{"would fail: " + v.Refused}
		return v
	}
	v.Data, v.Page = map[string]string{}, payload.Page
	for _, item := range payload.Data {
		v.Data[item.Key] = item.Value
		v.says = append(v.says, item.Key+" "+item.Value)
	}
	if payload.Page != "" {
		v.says = append(v.says, "page "+payload.Page)
	}
	return v
}

func previewTable(list []preview) *terminal.Table {
	t := terminal.NewTable("row", "rule", "to", "due", "says")
	t.SeparateRows()
	t.Wrap(2, 20)
	t.Wrap(5, 60)
	for _, p := range list {
		t.Row(p.Row, p.Rule, p.OpenID, p.due, p.says)
	}
	return t
}
