package database

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/roles"
	"github.com/submsg/submsg/migrations"
)

// Roles is `submsg roles`.
type Roles struct {
	settings.Database
	settings.Roles
	Owner bool `xor:"what" help:"Print what an administrator runs first instead: the SQL that makes the owner of the schema, who migrates it."`
	Check bool `xor:"what" help:"Compare the database with it instead, and print the SQL that mends each difference; exit code 1 if there is one."`
}

// Run prints the script, which needs no database and so takes an unnamed schema for public, or checks a database
// against it.
func (c *Roles) Run(ctx context.Context, term terminal.Terminal) error {
	schema := cmp.Or(string(c.Schema), "public")
	names := roles.Naming{Prefix: c.Prefix, Schema: schema}
	if err := names.Validate(); err != nil {
		return terminal.UsageError{Err: err}
	}
	if !c.Check {
		script := names.SQL()
		if c.Owner {
			script = names.OwnerSQL()
		}
		term.Out.SQL(strings.TrimSuffix(script, "\n"))
		return nil
	}
	conn, err := c.Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if c.Schema == "" { // where the login finds the tables
		if names, err = c.Naming(ctx, conn); err != nil {
			return err
		}
	}
	return checkRoles(ctx, term, conn, names)
}

func checkRoles(ctx context.Context, term terminal.Terminal, conn *pgx.Conn, names roles.Naming) error {
	state, err := migrations.StateOf(ctx, conn)
	if err := cmp.Or(err, state.Check()); err != nil {
		return err
	}
	if state.Newer() { // this older submsg would revoke the newer one's rights
		return fmt.Errorf("the database schema is at %s: check its roles with the newer submsg", state)
	}
	lines, err := names.Check(ctx, conn)
	if err != nil {
		return err
	}
	if len(lines) > 0 {
		term.Out.SQL(strings.Join(lines, "\n"))
		return fmt.Errorf("the roles' rights differ from what `submsg roles` gives, in %d points: run the lines "+
			"printed, and check again", len(lines))
	}
	return nil
}
