package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/submsg/submsg/migrations"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema to the newest version."`
	Down   migrateDownCmd   `cmd:"" help:"Take back migrations, with their data."`
	Status migrateStatusCmd `cmd:"" help:"Show the schema's version; exit code 1 if this submsg can't work with it."`
}

type migrateUpCmd struct {
	databaseSettings
	Prefix string `default:"submsg" help:"What the roles' names begin with."`
}

func (c *migrateUpCmd) Run(ctx context.Context, term terminal) error {
	url, err := c.url()
	if err != nil {
		return err
	}
	if err := migrator(url, term).Up(ctx); err != nil {
		return err
	}
	if _, err = c.printVersion(ctx, term); err != nil {
		return err
	}
	return c.remindOfRoles(ctx, term)
}

// remindOfRoles says when the roles haven't the rights to what a migration has made.
func (c *migrateUpCmd) remindOfRoles(ctx context.Context, term terminal) error {
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	state, err := migrations.StateOf(ctx, conn)
	if err != nil || state.Newer() {
		return err
	}
	names, err := naming(ctx, conn, c.Prefix)
	if err != nil {
		return err
	}
	if _, lines, err := rolesDiffer(ctx, conn, names); err != nil || len(lines) == 0 {
		return err
	}
	fmt.Fprintln(term.err, "submsg: the roles lack rights, or have too many: before a newer `submsg serve` starts, run what `submsg roles` prints (`submsg roles --check` shows what differs)")
	return nil
}

type migrateDownCmd struct {
	databaseSettings
	Steps int  `arg:"" optional:"" help:"How many migrations."`
	All   bool `help:"All of them: nothing of submsg is left, its messages included."`
}

func (c *migrateDownCmd) Run(ctx context.Context, term terminal) error {
	if c.All == (c.Steps > 0) || c.Steps < 0 {
		return badUsage("say how many migrations to take back, `submsg migrate down 1`, or --all; tables that they made are dropped with their rows")
	}
	url, err := c.url()
	if err != nil {
		return err
	}
	steps := c.Steps
	if c.All {
		steps = -1
	}
	if err := migrator(url, term).Down(ctx, steps); err != nil {
		return err
	}
	_, err = c.printVersion(ctx, term)
	return err
}

type migrateStatusCmd struct{ databaseSettings }

func (c *migrateStatusCmd) Run(ctx context.Context, term terminal) error {
	state, err := c.printVersion(ctx, term)
	return cmp.Or(err, state.Check())
}

// migrator tells a person on standard error.
func migrator(url string, term terminal) migrations.Migrator {
	return migrations.Migrator{URL: url, Tell: func(text string) { fmt.Fprintln(term.err, "submsg:", oneLine(text)) }}
}

func (s databaseSettings) printVersion(ctx context.Context, term terminal) (state migrations.State, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return state, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if state, err = migrations.StateOf(ctx, conn); err != nil {
		return state, err
	}
	unfinished, err := migrations.Unfinished(ctx, conn)
	if err != nil {
		return state, err
	}
	fmt.Fprintf(term.out, "schema version %d of %d", state.Version, migrations.Latest())
	if state.Newer() && state.Check() == nil {
		fmt.Fprint(term.out, ", newer and compatible")
	}
	if unfinished {
		fmt.Fprint(term.out, ", a migration is under way or was cut off: submsg migrate up resumes it")
	}
	fmt.Fprintln(term.out)
	return state, nil
}
