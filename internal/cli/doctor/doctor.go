// Package doctor is the work of `submsg doctor` and `submsg healthcheck`: the first examines everything that submsg
// depends on and says what to do, the second asks a running serve whether it is alive. How a check is run and printed,
// and the checks of the server itself, are in internal/doctor. Begin with Command.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/doctor"
	"github.com/submsg/submsg/migrations"
)

// Command is `submsg doctor`.
type Command struct {
	settings.Database
	settings.Listen
	settings.Accounts
	settings.Templates
	settings.Roles
	Skip []string `placeholder:"CHECK" help:"Checks to leave out, by name. Monitoring leaves out account: WeChat allows few such calls a day."`
	JSON bool     `name:"json" help:"Print the findings as a JSON array."`
}

// Run prints a line a check, and fails if a check does.
func (c *Command) Run(ctx context.Context, term terminal.Terminal) error {
	d := new(doctor.Database)
	defer d.Close()
	remote := &remoteChecks{accounts: c.Accounts, templates: c.Templates}
	checks := slices.Concat(c.databaseChecks(d), remote.checks())
	for _, name := range c.Skip {
		if !slices.ContainsFunc(checks, func(k doctor.Check) bool { return k.Name == name }) {
			return terminal.BadUsage("--skip: there is no check %q", name)
		}
	}
	findings := []doctor.Finding{}
	failed := doctor.Examine(ctx, checks, c.Skip, func(f doctor.Finding) {
		if c.JSON {
			findings = append(findings, f)
		} else {
			term.Out.Line("%s", f)
		}
	})
	if c.JSON {
		if err := term.Out.JSON(findings); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(checks))
	}
	return nil
}

func look(name string, needs []string, examine func(context.Context) (doctor.Finding, error)) doctor.Check {
	return doctor.Check{Name: name, Needs: needs, Examine: examine}
}

func (c *Command) databaseChecks(d *doctor.Database) []doctor.Check {
	connected, whole := []string{"connection"}, []string{"schema"}
	return []doctor.Check{
		look("connection", nil, func(ctx context.Context) (doctor.Finding, error) {
			if err := c.configure(d); err != nil {
				return doctor.Finding{}, err
			}
			f, err := d.Connect(ctx)
			f.Remedy = cmp.Or(c.Schema.Remedy(d.Config, f.Says), f.Remedy)
			if err != nil || d.Conn == nil || c.Schema != "" {
				return f, err
			}
			d.Close()
			if d.Config, err = c.Pinned(ctx, d.Config); err != nil {
				return f, err
			}
			return d.Connect(ctx)
		}),
		look("version", connected, d.Version),
		look("schema", []string{"version"}, func(ctx context.Context) (doctor.Finding, error) {
			state, err := migrations.StateOf(ctx, d.Conn)
			return doctor.Fine("%s", state), cmp.Or(err, state.Check())
		}),
		look("foreign", whole, func(ctx context.Context) (doctor.Finding, error) {
			return c.examineForeign(ctx, d.Conn)
		}),
		look("triggers", whole, d.Triggers),
		look("pauses", whole, func(ctx context.Context) (doctor.Finding, error) { return examinePauses(ctx, d.Conn) }),
		look("rules", whole, func(ctx context.Context) (doctor.Finding, error) { return examineRules(ctx, d.Conn) }),
		look("wake", connected, d.Wake),
		look("notifications", connected, d.Notifications),
		look("pooler", connected, d.Pooler),
		look("clocks", connected, d.Clocks),
		look("commits", connected, d.Commits),
		look("login", whole, func(ctx context.Context) (doctor.Finding, error) { return c.examineLogin(ctx, d.Conn) }),
		look("roles", whole, func(ctx context.Context) (doctor.Finding, error) { return c.examineRoles(ctx, d.Conn) }),
		look("xmin", connected, d.Xmin),
		look("autovacuum", whole, d.Autovacuum),
		look("dead rows", whole, d.DeadRows),
	}
}

// configure fills in where the database is.
func (c *Command) configure(d *doctor.Database) error {
	cfg, err := c.Config()
	if err != nil {
		return err
	}
	d.Config = cfg
	listen, err := c.WakeURL(c.Database)
	if err == nil && listen != "" {
		d.Listen, err = settings.ParseURL(listen)
	}
	return err
}
