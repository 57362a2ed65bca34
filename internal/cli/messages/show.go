package messages

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/internal/tracing"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

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
	Data    map[string]string `json:"data,omitempty"` // WeChat's keys
	Shows   string            `json:"shownPage,omitempty"`
	Refused string            `json:"refused,omitempty"` // why it can't be rendered
	Why     []string          `json:"why,omitempty"`     // in words, for people
	Next    []string          `json:"next,omitempty"`

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
		tongue := terminal.Language()
		m := tell(s, catalogue, tongue)
		if c.JSON {
			return term.PrintJSON(m)
		}
		fmt.Fprintf(term.Out, "%s\n%s\n", say(tongue, "message %d: %s", "消息 %d：%s", m.ID, m.Status), storyTable(m, tongue))
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

func storyTable(m told, tongue int) string {
	t := terminal.NewTable(say(tongue, "what", "事项"), "")
	t.SetColumnConfigs([]table.ColumnConfig{terminal.Wrapped(2, 90)})
	row := func(name string, lines ...string) {
		if text := strings.Join(lines, "\n"); text != "" {
			t.AppendRow(table.Row{name, text})
		}
	}
	name := terminal.Visible(m.TemplateID)
	if m.template != nil {
		name = strings.TrimSpace(fmt.Sprintf("%s %s %s", m.template.Name, m.template.Title, m.template.ID))
	}
	row(say(tongue, "to", "收件人"), terminal.Visible(m.OpenID))
	row(say(tongue, "template", "模板"), name)
	row("parameterArr", paramLines(m, tongue)...)
	row(say(tongue, "payload", "内容"), payloadLines(m, tongue)...)
	row("dedupKey", terminal.Visible(m.DedupKey))
	row(say(tongue, "when", "时间"), timeLines(m, tongue)...)
	row(say(tongue, "trace", "链路"), tracing.TraceID(m.TraceParent))
	row(say(tongue, "outcome", "结果"), outcomeLines(m)...)
	row(say(tongue, "why", "原因"), m.Why...)
	row(say(tongue, "what to do", "如何处理"), m.Next...)
	if len(m.Rules) > 0 {
		row(say(tongue, "rules", "规则"), say(tongue, "of this template: %s", "用此模板的：%s", terminal.Visible(strings.Join(m.Rules, ", "))))
	}
	return t.Render()
}

func paramLines(m told, tongue int) (lines []string) {
	params, plain := m.List()
	if !plain {
		return []string{say(tongue, "no plain list of texts: %s", "不是普通的文本列表：%s", terminal.Visible(string(m.Params)))}
	}
	for i, p := range params {
		name := ""
		if m.template != nil && i < len(m.template.Params) {
			name = m.template.Params[i] + " "
		}
		lines = append(lines, fmt.Sprintf("%d %s%s", i+1, name, terminal.Visible(p)))
	}
	return lines
}

func payloadLines(m told, tongue int) (lines []string) {
	switch {
	case m.template == nil:
		return []string{say(tongue, "template %s isn't in the files here: set SUBMSG_TEMPLATES to see what it would say", "本机的模板文件中没有 %s：设置 SUBMSG_TEMPLATES 后可见内容", terminal.Visible(m.TemplateID))}
	case m.Refused != "":
		return []string{say(tongue, "none: %s", "无：%s", terminal.Visible(m.Refused))}
	}
	for _, item := range m.payload.Data {
		lines = append(lines, item.Key+" "+terminal.Visible(item.Value))
	}
	if m.Shows != "" {
		lines = append(lines, say(tongue, "page %s", "页面 %s", terminal.Visible(m.Shows)))
	}
	return lines
}

func timeLines(m told, tongue int) (lines []string) {
	add := func(english, chinese string, at *time.Time) {
		if at != nil {
			lines = append(lines, say(tongue, english, chinese)+" "+moment(*at, m.Now, tongue))
		}
	}
	add("inserted", "写入", &m.CreateTime)
	if m.SendAfter.After(m.CreateTime) {
		add("not before", "不早于", &m.SendAfter)
	}
	add("never after", "不晚于", m.ExpireTime)
	if m.Attempts > 0 {
		lines = append(lines, say(tongue, "tries %d", "已试 %d 次", m.Attempts))
	}
	add("outcome known", "得知结果", m.SendTime)
	add("last changed", "最后修改", &m.UpdateTime)
	if m.Status == outbox.Sending {
		add("lease until", "租约至", m.LeaseUntil)
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
		lines = append(lines, terminal.Visible(m.Text))
	}
	return lines
}
