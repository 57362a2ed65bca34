package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/internal/tracing"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

type showCmd struct {
	databaseSettings
	templateSettings
	jsonSettings
	ID   int64 `arg:"" name:"id" help:"The message."`
	Full bool  `help:"The whole openid."`
}

// told is a message's story, with what its template makes of it.
type told struct {
	ops.Story
	Data    map[string]string `json:"data,omitempty"` // WeChat's keys
	Shows   string            `json:"shownPage,omitempty"`
	Refused string            `json:"refused,omitempty"` // why it can't be rendered
	Why     []string          `json:"why,omitempty"`     // in words, for people
	Next    []string          `json:"next,omitempty"`

	template *templates.Template
	payload  templates.Payload
}

// Run tells the whole story of one message.
func (c *showCmd) Run(ctx context.Context, term terminal) error {
	catalogue, err := c.load()
	if err != nil {
		return err
	}
	return c.session(ctx, term, func(conn *pgx.Conn) error {
		s, err := ops.Show(ctx, conn, c.ID)
		if errors.Is(err, ops.ErrNoMessage) {
			return fmt.Errorf("there is no message %d, or not any more", c.ID)
		}
		if err != nil {
			return err
		}
		if !c.Full {
			s.OpenID = shortOpenID(s.OpenID)
		}
		m := tell(s, catalogue, language())
		if c.JSON {
			return printJSON(term, m)
		}
		fmt.Fprintf(term.out, "message %d: %s\n%s\n", m.ID, m.Status, storyTable(m))
		return nil
	})
}

// tell renders the message, and says why it is as it is.
func tell(s ops.Story, catalogue *templates.Catalogue, tongue int) told {
	m := told{Story: s}
	params, plain := s.List()
	if found, ok := catalogue.Find(s.TemplateID); ok && plain {
		m.template = found
		payload, err := found.Render(params, s.Page)
		if err != nil {
			m.Refused = err.Error()
		} else {
			m.payload, m.Shows, m.Data = payload, payload.Page, map[string]string{}
			for _, item := range payload.Data {
				m.Data[item.Key] = item.Value
			}
		}
	}
	m.Why, m.Next = reading(m, tongue)
	return m
}

func storyTable(m told) string {
	t := newTable("what", "")
	t.SetColumnConfigs([]table.ColumnConfig{wrapped(2, 90)})
	row := func(name string, lines ...string) {
		if text := strings.Join(lines, "\n"); text != "" {
			t.AppendRow(table.Row{name, text})
		}
	}
	name := visible(m.TemplateID)
	if m.template != nil {
		name = strings.TrimSpace(fmt.Sprintf("%s %s %s", m.template.Name, m.template.Title, m.template.ID))
	}
	row("to", visible(m.OpenID))
	row("template", name)
	row("parameterArr", paramLines(m)...)
	row("payload", payloadLines(m)...)
	row("dedupKey", visible(m.DedupKey))
	row("when", timeLines(m)...)
	row("trace", tracing.TraceID(m.TraceParent))
	row("outcome", outcomeLines(m)...)
	row("why", m.Why...)
	row("what to do", m.Next...)
	if len(m.Rules) > 0 {
		row("rules", "of this template: "+visible(strings.Join(m.Rules, ", ")))
	}
	return t.Render()
}

func paramLines(m told) (lines []string) {
	params, plain := m.List()
	if !plain {
		return []string{"no plain list of texts: " + visible(string(m.Params))}
	}
	for i, p := range params {
		name := ""
		if m.template != nil && i < len(m.template.Params) {
			name = m.template.Params[i] + " "
		}
		lines = append(lines, fmt.Sprintf("%d %s%s", i+1, name, visible(p)))
	}
	return lines
}

func payloadLines(m told) (lines []string) {
	switch {
	case m.template == nil:
		return []string{"template " + visible(m.TemplateID) + " isn't in the files here: set SUBMSG_TEMPLATES to see what it would say"}
	case m.Refused != "":
		return []string{"none: " + visible(m.Refused)}
	}
	for _, item := range m.payload.Data {
		lines = append(lines, item.Key+" "+visible(item.Value))
	}
	if m.Shows != "" {
		lines = append(lines, "page "+visible(m.Shows))
	}
	return lines
}

func timeLines(m told) []string {
	lines := []string{"inserted " + moment(m.CreateTime, m.Now, english)}
	add := func(word string, at *time.Time) {
		if at != nil {
			lines = append(lines, word+" "+moment(*at, m.Now, english))
		}
	}
	if m.SendAfter.After(m.CreateTime) {
		add("not before", &m.SendAfter)
	}
	add("never after", m.ExpireTime)
	if m.Attempts > 0 {
		lines = append(lines, fmt.Sprintf("tries %d", m.Attempts))
	}
	add("outcome known", m.SendTime)
	add("last changed", &m.UpdateTime)
	if m.Status == outbox.Sending {
		add("lease until", m.LeaseUntil)
	}
	return lines
}

func outcomeLines(m told) (lines []string) {
	if m.ErrCode != nil {
		lines = append(lines, fmt.Sprintf("errcode %d", *m.ErrCode))
	}
	if m.MsgID != nil {
		lines = append(lines, fmt.Sprintf("msgid %d", *m.MsgID))
	}
	if m.Text != "" {
		lines = append(lines, visible(m.Text))
	}
	return lines
}
