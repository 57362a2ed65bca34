package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/migrations"
)

type postgresCmd struct {
	Listen  string `placeholder:"127.0.0.1:5544" help:"Listen on TCP too (loopback only)."`
	Data    string `type:"path" placeholder:"DIR" help:"Keep the data there; without it they go when the server stops."`
	Migrate bool   `help:"Apply submsg's migrations."`
}

func (c *postgresCmd) Run(ctx context.Context, term terminal) (err error) {
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
	fmt.Fprintln(term.out, server.URL())
	fmt.Fprintln(term.err, "Postgres runs until Ctrl-C.")
	select {
	case <-ctx.Done():
		return nil
	case <-server.Done():
		return errors.New("postgres has stopped by itself")
	}
}
