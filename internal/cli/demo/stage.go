package demo

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/ops"
)

// stage is where the demo plays.
type stage struct {
	terminal.Terminal
	tongue explain.Tongue
	width  int // of the terminal, 0 when there is none
	pool   *pgxpool.Pool
	wechat *fakewechat.Server
	drawn  string // what draw has put on the terminal
}

func (s *stage) say(text explain.Text, args ...any) {
	s.Out.Text(text.In(s.tongue, args...))
}

// messages reads the rows in the order in which they changed last, with the names of their templates.
func (s *stage) messages(ctx context.Context, ids []int64) ([]ops.Message, error) {
	list, err := ops.Messages(ctx, s.pool, ids)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b ops.Message) int {
		return cmp.Or(a.UpdateTime.Compare(b.UpdateTime), cmp.Compare(a.ID, b.ID))
	})
	for i, m := range list {
		if t, ok := fields.Shipped().Find(m.TemplateID); ok {
			list[i].TemplateID = t.Name
		}
	}
	return list, nil
}

// draw shows the rows: on a terminal in place, each time that they change; elsewhere once, when they are done.
func (s *stage) draw(rows []ops.Message, done bool) {
	if s.width == 0 {
		if done {
			s.Out.Table(s.table(rows))
		}
		return
	}
	if picture := s.table(rows).String(); picture != s.drawn {
		if s.drawn != "" {
			s.Out.Back(strings.Count(s.drawn, "\n") + 1)
		}
		s.Out.Text(picture)
		s.drawn = picture
	}
	if done {
		s.drawn = ""
	}
}

func (s *stage) table(rows []ops.Message) *terminal.Table {
	t := terminal.NewTable("id", "openid", "templateId", "sendStatus", "sendStatusMsg")
	widest := 60
	if s.width > 0 {
		widest = max(s.width-62, 16)
	}
	t.Wrap(5, widest)
	for _, m := range rows {
		t.Row(m.ID, terminal.ShortOpenID(m.OpenID), m.TemplateID, m.Status, m.Text)
	}
	return t
}
