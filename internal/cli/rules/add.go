package rules

import (
	"cmp"
	"context"
	"encoding/csv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/templates"
)

// Add is `submsg rules add`.
type Add struct {
	settings.Database
	settings.Templates
	Table    string        `arg:"" help:"The table as SQL names it: refunds, shop.refunds, 'shop.\"Orders\"'."`
	Template string        `required:"" placeholder:"NAME" help:"The message's template: its name or WeChat's id."`
	OpenID   string        `name:"openid" required:"" placeholder:"COLUMN" help:"Column with the openid."`
	Params   []string      `name:"param" sep:"none" placeholder:"COLUMN" help:"One for each of the template's params, in order: a column; '=text with {column}'; '{\"column\":\"state\",\"map\":{\"paid\":\"已付款\"},\"else\":\"其他\"}'; '{\"column\":\"amount\",\"format\":\"FM999990.00\"}'."`
	Flag     string        `placeholder:"COLUMN" help:"Boolean column: an update that sets it notifies, and resets it."`
	When     string        `placeholder:"COLUMN=VALUE,…" help:"Fires when the column changes to one of these values, or, with --flag, only while it is one; COLUMN alone: at any change."`
	Filter   []string      `sep:"none" placeholder:"COLUMN=VALUE,…" help:"Only rows whose column has one of these values; may be repeated."`
	OnInsert bool          `help:"New rows fire too, not only updates."`
	Hold     time.Duration `placeholder:"30s" help:"Hold the message so long: a row that leaves the state in that time calls it off, a newer message replaces it."`
	After    string        `placeholder:"TIME" help:"Not before: '+2 hours' from now, a column, or 'pickup_at - 1 hour'."`
	Expire   string        `placeholder:"TIME" help:"Never after; as --after."`
	Dedup    string        `placeholder:"TEXT" help:"Only one message for each such key, ever: 'refund-{id}-{state}'."`
	Page     string        `placeholder:"TEXT" help:"Page to open instead of the template's: 'pages/refund?id={id}'."`
	Name     string        `help:"The rule's name; a rule of this name is replaced. Default: TABLE:TEMPLATE."`
}

// examples is how many rows are looked at for one that shows what the rule says.
const examples = 20

// Run makes the rule, and prints what was understood: the rule in a sentence, where each parameter comes from, and a
// message.
func (c *Add) Run(ctx context.Context, term terminal.Terminal) error {
	rule, err := c.rule()
	if err != nil {
		return err
	}
	catalogue, err := c.Load()
	if err != nil {
		return err
	}
	if err := c.fits(term, catalogue); err != nil {
		return err
	}
	return c.TableSession(ctx, term, func(conn *pgx.Conn) error {
		name, err := rules.Add(ctx, conn, rule)
		if err != nil {
			return err
		}
		made, _, err := rules.Show(ctx, conn, name, 0)
		if err != nil {
			return err
		}
		term.Out.Line("%s: %s", made.Name, sentence(made.Rule))
		term.Out.Table(paramTable(made.Rule, catalogue))
		example(ctx, term, conn, made.Rule, catalogue)
		return nil
	})
}

func (c *Add) rule() (r rules.Rule, err error) {
	r = rules.Rule{Name: c.Name, Table: c.Table, Template: c.Template, OpenID: c.OpenID, Params: c.Params, Flag: c.Flag,
		OnInsert: c.OnInsert,
		Hold:     c.Hold, SendAfter: c.After, ExpireTime: c.Expire, DedupKey: c.Dedup, Page: c.Page}
	if c.When != "" {
		if r.WhenColumn, r.WhenValues, err = condition("--when", c.When); err != nil {
			return r, err
		}
	}
	for _, text := range c.Filter {
		column, values, err := condition("--filter", text)
		if err != nil {
			return r, err
		}
		if values == nil {
			return r, terminal.BadUsage("--filter %s: say which values, --filter %s=VALUE,…", text, text)
		}
		if r.Filter == nil {
			r.Filter = map[string][]string{}
		}
		r.Filter[column] = append(r.Filter[column], values...)
	}
	if r.Flag == "" && r.WhenColumn == "" && !r.OnInsert {
		return r, terminal.BadUsage("say when it fires: --flag COLUMN, --when COLUMN=VALUE,… or --on-insert")
	}
	return r, nil
}

// condition reads COLUMN=VALUE,VALUE. A value that holds a comma stands in double quotes, as in CSV; without = there
// are no values.
func condition(flag, text string) (column string, values []string, err error) {
	column, list, given := strings.Cut(text, "=")
	switch {
	case column == "":
		return "", nil, terminal.BadUsage("%s %s: begin with the column, %s COLUMN=VALUE,…", flag, text, flag)
	case !given:
		return column, nil, nil
	case list == "":
		return column, []string{""}, nil
	}
	lines, err := csv.NewReader(strings.NewReader(list)).ReadAll()
	if err != nil || len(lines) != 1 {
		return "", nil, terminal.BadUsage(`%s %s: values are separated by commas; one that holds a comma or a quote stands in quotes, "a,b", with inner quotes doubled`, flag, text)
	}
	return column, lines[0], nil
}

// fits checks the rule against the template files. The shipped ones say nothing about a template that only the database
// knows, as its serve has another folder.
func (c *Add) fits(term terminal.Terminal, catalogue *templates.Catalogue) error {
	t, ok := catalogue.Find(c.Template)
	switch {
	case !ok && c.Dir == "":
		term.Tell("warning: %q is none of the shipped templates; to have it checked, name your "+
			"folder: --templates DIR", c.Template)
	case !ok:
		return terminal.BadUsage("no template %q in %s; there are %s", c.Template, c.Dir,
			strings.Join(templateNames(catalogue), ", "))
	case len(c.Params) != len(t.Params):
		return terminal.BadUsage("%s takes %d parameters, --param %s; there are %d", t.Name, len(t.Params),
			strings.Join(t.Params, " --param "), len(c.Params))
	}
	return nil
}

func templateNames(catalogue *templates.Catalogue) (names []string) {
	for _, t := range catalogue.All() {
		names = append(names, t.Name)
	}
	return names
}

// example prints what the rule would say of a row that is there. The rule stands, whatever becomes of its example.
func example(ctx context.Context, term terminal.Terminal, conn *pgx.Conn, r rules.Rule,
	catalogue *templates.Catalogue) {
	all, err := rules.Test(ctx, conn, r.Table, "true", examples)
	now, late := clock(ctx, conn)
	if err = cmp.Or(err, late); err != nil {
		term.Out.Line("No example: %s", terminal.OneLine(settings.Refusal(err).Error()))
		return
	}
	var best *rules.Preview
	for i, p := range all {
		if p.Rule == r.Name && (best == nil || best.Problem != "" && p.Problem == "") {
			best = &all[i]
		}
	}
	if best == nil {
		term.Out.Line("No example: the table has no row yet.")
		return
	}
	term.Out.Line("For example, nothing is sent:")
	term.Out.Table(previewTable([]preview{render(*best, now, catalogue)}))
}
