package messages

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/internal/tracing"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// Show is `submsg show`.
type Show struct {
	settings.Database
	settings.Templates
	settings.Output
	ID   int64 `arg:"" name:"id" help:"The message."`
	Full bool  `help:"The whole openid."`
}

// told is a message's story, with what its template makes of it.
type told struct {
	ops.Story
	Data  map[string]string `json:"data,omitempty"` // WeChat's keys
	Shows string            `json:"shownPage,omitempty"`
	Unfit string            `json:"unfit,omitempty"` // why it can't be rendered
	Why   []string          `json:"why,omitempty"`   // in words, for people
	Next  []string          `json:"next,omitempty"`

	template *templates.Template
	payload  templates.Payload
}

// Run tells the whole story of one message.
func (c *Show) Run(ctx context.Context, term terminal.Terminal) error {
	catalogue, err := c.Load()
	if err != nil {
		return err
	}
	return c.Session(ctx, term, func(conn *pgx.Conn) error {
		s, err := ops.Show(ctx, conn, c.ID)
		if errors.Is(err, ops.ErrNoMessage) {
			return fmt.Errorf("there is no message %d, or not any more", c.ID)
		}
		if err != nil {
			return err
		}
		if !c.Full {
			s.OpenID = terminal.ShortOpenID(s.OpenID)
		}
		tongue := explain.ByLocale()
		m := tell(s, catalogue, tongue)
		if c.JSON {
			return term.Out.JSON(m)
		}
		term.Out.Line("%s", explain.ShowWords.Title.In(tongue, m.ID, m.Status))
		term.Out.Table(storyTable(m, tongue))
		return nil
	})
}

// tell renders the message, and says why it is as it is.
func tell(s ops.Story, catalogue *templates.Catalogue, tongue explain.Tongue) told {
	m := told{Story: s}
	params, plain := s.List()
	if found, ok := catalogue.Find(s.TemplateID); ok && plain {
		m.template = found
		payload, err := found.Render(params, s.Page)
		switch {
		case err != nil && s.Fits && len(params) != len(found.Params): // another submsg serve has another file
			m.template = nil
		case err != nil:
			m.Unfit = err.Error()
		default:
			m.payload, m.Shows, m.Data = payload, payload.Page, map[string]string{}
			for _, item := range payload.Data {
				m.Data[item.Key] = item.Value
			}
		}
	}
	m.Why, m.Next = explained(m, tongue)
	return m
}

func storyTable(m told, tongue explain.Tongue) *terminal.Table {
	w := explain.ShowWords
	t := terminal.NewTable(explain.Words.What.In(tongue), "")
	t.Wrap(2, 90)
	row := func(name string, lines ...string) {
		if strings.Join(lines, "") != "" {
			t.Row(name, lines)
		}
	}
	name := m.TemplateID
	if m.template != nil {
		name = strings.TrimSpace(fmt.Sprintf("%s %s %s", m.template.Name, m.template.Title, m.template.ID))
	}
	row(w.To.In(tongue), m.OpenID)
	row(w.Template.In(tongue), name)
	row("parameterArr", paramLines(m, tongue)...)
	row(w.Payload.In(tongue), payloadLines(m, tongue)...)
	row("dedupKey", m.DedupKey)
	row(w.When.In(tongue), timeLines(m, tongue)...)
	row(w.Trace.In(tongue), tracing.TraceID(m.TraceParent))
	row(w.Outcome.In(tongue), outcomeLines(m)...)
	row(explain.Words.Why.In(tongue), m.Why...)
	row(explain.Words.ToDo.In(tongue), m.Next...)
	if len(m.Rules) > 0 {
		row(w.Rules.In(tongue), w.OfTemplate.In(tongue, strings.Join(m.Rules, ", ")))
	}
	return t
}

func paramLines(m told, tongue explain.Tongue) (lines []string) {
	params, plain := m.List()
	if !plain {
		return []string{explain.ShowWords.NotPlain.In(tongue, string(m.Params))}
	}
	for i, p := range params {
		name := ""
		if m.template != nil && i < len(m.template.Params) {
			name = m.template.Params[i] + " "
		}
		lines = append(lines, fmt.Sprintf("%d %s%s", i+1, name, p))
	}
	return lines
}

func payloadLines(m told, tongue explain.Tongue) (lines []string) {
	w := explain.ShowWords
	switch {
	case m.template == nil:
		return []string{w.NotHere.In(tongue, m.TemplateID)}
	case m.Unfit != "":
		return []string{w.None.In(tongue, m.Unfit)}
	}
	for _, item := range m.payload.Data {
		lines = append(lines, item.Key+" "+item.Value)
	}
	if m.Shows != "" {
		lines = append(lines, w.Page.In(tongue, m.Shows))
	}
	return lines
}

func timeLines(m told, tongue explain.Tongue) (lines []string) {
	w := explain.ShowWords
	add := func(what explain.Text, at *time.Time) {
		if at != nil {
			lines = append(lines, what.In(tongue)+" "+explain.Moment(*at, m.Now, tongue))
		}
	}
	add(w.Inserted, &m.CreateTime)
	if m.SendAfter.After(m.CreateTime) {
		add(w.NotBefore, &m.SendAfter)
	}
	add(w.NeverAfter, m.ExpireTime)
	if m.Attempts > 0 {
		lines = append(lines, w.Tries.In(tongue, m.Attempts))
	}
	add(w.Known, m.SendTime)
	add(w.Changed, &m.UpdateTime)
	if m.Status == outbox.Sending {
		add(w.Lease, m.LeaseUntil)
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
		lines = append(lines, m.Text)
	}
	return lines
}
