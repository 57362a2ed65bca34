// Package database is the work of the commands that prepare a database: `submsg migrate` brings its schema up or down,
// `submsg roles` prints the SQL of its least-privilege roles, or checks it. It knows no message and no SQL of its own:
// packages migrations and internal/roles have that. Begin with Migrate and Roles.
package database

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/migrations"
)

// Migrate is `submsg migrate`.
type Migrate struct {
	Up     Up     `cmd:"" help:"Bring the schema to the newest version."`
	Down   Down   `cmd:"" help:"Take back migrations, with their data."`
	Status Status `cmd:"" help:"Show the schema's version; exit code 1 if this submsg can't work with it."`
}

// Up is `submsg migrate up`.
type Up struct {
	settings.Database
	settings.Roles
	Orders bool `help:"Make the example too: a table orders, with a rule that notifies of its changes."`
	Grant  bool `name:"roles" help:"Give the roles their rights, too: what submsg roles prints."`
}

// Run migrates, publishes the causes, and says which rights the roles lack.
func (c *Up) Run(ctx context.Context, term terminal.Terminal) error {
	migrator, err := c.Migrator(teller(term))
	if err != nil {
		return err
	}
	migrator.Orders = c.Orders
	if err := migrator.Up(ctx); err != nil {
		return err
	}
	state, err := printVersion(ctx, term, c.Database)
	if err != nil || state.Newer() {
		return err
	}
	conn, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := explain.Publish(ctx, conn); err != nil {
		return err
	}
	if c.Grant {
		return c.grant(ctx, conn)
	}
	return c.remindOfRoles(ctx, term, conn)
}

// grant runs the script of the roles.
func (c *Up) grant(ctx context.Context, conn *pgx.Conn) error {
	names, err := c.Naming(ctx, conn)
	if err != nil {
		return err
	}
	if _, err := conn.PgConn().Exec(ctx, names.SQL()).ReadAll(); err != nil {
		return fmt.Errorf("give the roles their rights: %w; what `submsg roles --owner` prints makes the roles", err)
	}
	return nil
}

// remindOfRoles says when the roles haven't the rights to what a migration has made.
func (c *Up) remindOfRoles(ctx context.Context, term terminal.Terminal, conn *pgx.Conn) error {
	if _, lines, err := c.Differ(ctx, conn); err != nil || len(lines) == 0 {
		return err
	}
	term.Tell("the roles lack rights, or have too many: before a newer `submsg serve` starts, " +
		"run what `submsg roles` prints (`submsg roles --check` shows what differs)")
	return nil
}

// Down is `submsg migrate down`.
type Down struct {
	settings.Database
	Steps int  `arg:"" optional:"" help:"How many migrations."`
	All   bool `help:"All of them: nothing of submsg is left, its messages included."`
}

// Run takes back what is said, never more by accident: how many migrations, or all, must be told.
func (c *Down) Run(ctx context.Context, term terminal.Terminal) error {
	if c.All == (c.Steps > 0) || c.Steps < 0 {
		return terminal.BadUsage("say how many migrations to take back, `submsg migrate down 1`, or --all; tables " +
			"that they made are dropped with their rows")
	}
	migrator, err := c.Migrator(teller(term))
	if err != nil {
		return err
	}
	steps := c.Steps
	if c.All {
		steps = -1
	}
	if err := migrator.Down(ctx, steps); err != nil {
		return err
	}
	_, err = printVersion(ctx, term, c.Database)
	return err
}

// Status is `submsg migrate status`.
type Status struct{ settings.Database }

// Run prints the version, and fails if this submsg can't work with it.
func (c *Status) Run(ctx context.Context, term terminal.Terminal) error {
	state, err := printVersion(ctx, term, c.Database)
	return cmp.Or(err, state.Check())
}

// teller tells a person on standard error.
func teller(term terminal.Terminal) func(text string) {
	return func(text string) { term.Tell("%s", text) }
}

func printVersion(ctx context.Context, term terminal.Terminal, s settings.Database) (migrations.State, error) {
	conn, err := s.Connect(ctx)
	if err != nil {
		return migrations.State{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	state, err := migrations.StateOf(ctx, conn)
	if err != nil {
		return state, err
	}
	unfinished, err := migrations.Unfinished(ctx, conn)
	if err != nil {
		return state, err
	}
	says := fmt.Sprintf("schema version %d of %d", state.Version, migrations.Latest())
	if state.Newer() && state.Check() == nil {
		says += ", newer and compatible"
	}
	if unfinished {
		says += ", a migration is under way or was cut off: submsg migrate up resumes it"
	}
	term.Out.Line("%s", says)
	return state, nil
}
