// Package postgres is the work of `submsg postgres`: it runs the private server of internal/lab/pgembed until it is
// told to stop. It knows nothing of how that is done. Begin with Command.
package postgres

import (
	"context"
	"errors"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/migrations"
)

// Command is `submsg postgres`.
type Command struct {
	Listen  string `placeholder:"127.0.0.1:5544" help:"Listen on TCP too (loopback only)."`
	Data    string `type:"path" placeholder:"DIR" help:"Keep the data there; without it they go when the server stops."`
	Migrate bool   `help:"Apply submsg's migrations."`
}

// Run prints the server's URL, and keeps it running until ctx ends.
func (c *Command) Run(ctx context.Context, term terminal.Terminal) (err error) {
	server, err := pgembed.Start(ctx, pgembed.Config{Listen: c.Listen, DataDir: c.Data})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if c.Migrate {
		if err := migrations.Up(ctx, server.URL()); err != nil {
			return err
		}
	}
	term.Out.Line("%s", server.URL())
	term.Err.Line("Postgres runs until Ctrl-C.")
	select {
	case <-ctx.Done():
		return nil
	case <-server.Done():
		return errors.New("postgres has stopped by itself")
	}
}
