package settings

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/migrations"
)

// Session runs work on a connection of its own. The person sees the database's warnings, and its errors with their
// hints.
func (s Database) Session(ctx context.Context, term terminal.Terminal, work func(*pgx.Conn) error) error {
	cfg, err := s.Config()
	if err != nil {
		return err
	}
	return s.session(ctx, term, cfg, work)
}

// TableSession is a Session in which a person may name tables of their own: submsg's schema is followed by those that
// the login itself looks in.
func (s Database) TableSession(ctx context.Context, term terminal.Terminal, work func(*pgx.Conn) error) error {
	cfg, err := s.Config()
	if err != nil {
		return err
	}
	if s.Schema != "" {
		own, err := s.ownPath(ctx)
		if err != nil {
			return err
		}
		cfg.RuntimeParams[searchPath] += ", " + own
	}
	return s.session(ctx, term, cfg, work)
}

// ownPath is the search_path that the login has where nobody says another one.
func (s Database) ownPath(ctx context.Context) (path string, err error) {
	s.Schema = ""
	conn, err := s.Connect(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `SHOW search_path`).Scan(&path)
	return cmp.Or(path, `""`), err
}

func (s Database) session(ctx context.Context, term terminal.Terminal, cfg *pgx.ConnConfig,
	work func(*pgx.Conn) error) error {
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			term.Tell("warning: %s", withHint(strings.TrimPrefix(n.Message, "submsg: "), n.Hint))
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return s.Schema.explain(cfg, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.Check(ctx, conn); err != nil {
		return err
	}
	return Refusal(work(conn))
}

func withHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + ": " + hint
}

// Refusal makes a sentence of what the database refused. Wrong names and values (SQLSTATE classes 22 and 42) are wrong
// usage, a missing right (42501) isn't.
func Refusal(err error) error {
	pg := new(pgconn.PgError)
	if !errors.As(err, &pg) {
		return err
	}
	sentence := errors.New(withHint(pg.Message, pg.Hint))
	if class := pg.Code[:min(2, len(pg.Code))]; (class == "22" || class == "42") && pg.Code != "42501" {
		return terminal.UsageError{Err: sentence}
	}
	return sentence
}
