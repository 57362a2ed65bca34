package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/migrations"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema to the newest version."`
	Down   migrateDownCmd   `cmd:"" help:"Take back migrations, with their data."`
	Status migrateStatusCmd `cmd:"" help:"Show the schema's version; exit code 1 if it isn't this submsg's."`
}

type migrateUpCmd struct{ databaseSettings }

func (c *migrateUpCmd) Run(ctx context.Context, term terminal) error {
	url, err := c.url()
	if err != nil {
		return err
	}
	if err := migrations.Up(ctx, url); err != nil {
		return err
	}
	return printVersion(ctx, term, url)
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
	if err := migrations.Down(ctx, url, steps); err != nil {
		return err
	}
	return printVersion(ctx, term, url)
}

type migrateStatusCmd struct{ databaseSettings }

func (c *migrateStatusCmd) Run(ctx context.Context, term terminal) error {
	url, err := c.url()
	if err != nil {
		return err
	}
	if err := printVersion(ctx, term, url); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return migrations.Check(ctx, conn)
}

func printVersion(ctx context.Context, term terminal, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	version, dirty, err := migrations.Version(ctx, conn)
	if err != nil {
		return err
	}
	state := ""
	if dirty {
		state = ", cut off in mid-migration"
	}
	fmt.Fprintf(term.out, "schema version %d of %d%s\n", version, migrations.Latest(), state)
	return nil
}
