package demo

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/templates"
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
	fmt.Fprintln(s.Out, text.In(s.tongue, args...))
}

func (s *stage) bold(title string) string {
	if s.width == 0 || os.Getenv("NO_COLOR") != "" {
		return title
	}
	return "\x1b[1m" + title + "\x1b[0m"
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
		if t, ok := templates.Shipped().Find(m.TemplateID); ok {
			list[i].TemplateID = t.Name
		}
	}
	return list, nil
}

// draw shows the rows: on a terminal in place, each time that they change; elsewhere once, when they are done.
func (s *stage) draw(rows []ops.Message, done bool) {
	if s.width == 0 {
		if done {
			fmt.Fprintln(s.Out, s.table(rows))
		}
		return
	}
	if picture := s.table(rows); picture != s.drawn {
		if s.drawn != "" {
			fmt.Fprintf(s.Out, "\x1b[%dA\x1b[J", strings.Count(s.drawn, "\n")+1)
		}
		fmt.Fprintln(s.Out, picture)
		s.drawn = picture
	}
	if done {
		s.drawn = ""
	}
}

func (s *stage) table(rows []ops.Message) string {
	t := terminal.NewTable("id", "openid", "templateId", "sendStatus", "sendStatusMsg")
	widest := 60
	if s.width > 0 {
		widest = max(s.width-62, 16)
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 5, WidthMax: widest, WidthMaxEnforcer: text.WrapSoft}})
	for _, m := range rows {
		t.AppendRow(table.Row{m.ID, terminal.ShortOpenID(m.OpenID), m.TemplateID, m.Status, m.Text})
	}
	return t.Render()
}
