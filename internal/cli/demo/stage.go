package demo

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/templates"
)

// stage is where the demo plays.
type stage struct {
	terminal.Terminal
	tongue int // 0 English, 1 Chinese
	width  int // of the terminal, 0 when there is none
	pool   *pgxpool.Pool
	wechat *fakewechat.Server
	drawn  string // what draw has put on the terminal
}

func (s *stage) say(english, chinese string, args ...any) {
	fmt.Fprintf(s.Out, [...]string{english, chinese}[s.tongue]+"\n", args...)
}

func (s *stage) bold(title string) string {
	if s.width == 0 || os.Getenv("NO_COLOR") != "" {
		return title
	}
	return "\x1b[1m" + title + "\x1b[0m"
}

// shown is a message as the demo shows it.
type shown struct {
	ID       int64
	OpenID   string
	Template string
	Params   []string
	Status   string
	Text     string
	Updated  time.Time
}

// messages reads rows; where is one of our own conditions.
func (s *stage) messages(ctx context.Context, where string, arg any) ([]shown, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, openid, templateId, parameterArr, sendStatus, coalesce(sendStatusMsg, ''), updateTime
		FROM subMsgList WHERE `+where+` ORDER BY updateTime, id`, arg)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[shown])
	for i, m := range list {
		if t, ok := templates.Shipped().Find(m.Template); ok {
			list[i].Template = t.Name
		}
	}
	return list, err
}

// draw shows the rows: on a terminal in place, each time that they change; elsewhere once, when they are done.
func (s *stage) draw(rows []shown, done bool) {
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

func (s *stage) table(rows []shown) string {
	t := terminal.NewTable("id", "openid", "templateId", "sendStatus", "sendStatusMsg")
	widest := 60
	if s.width > 0 {
		widest = max(s.width-62, 16)
	}
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 5, WidthMax: widest, WidthMaxEnforcer: text.WrapSoft}})
	for _, m := range rows {
		t.AppendRow(table.Row{m.ID, terminal.ShortOpenID(m.OpenID), m.Template, m.Status, m.Text})
	}
	return t.Render()
}
