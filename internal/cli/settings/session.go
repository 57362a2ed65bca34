package settings

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/migrations"
)

// Session runs work on a connection of its own. The person sees the database's warnings, and its errors with their
// hints.
func (s Database) Session(ctx context.Context, term terminal.Terminal, work func(*pgx.Conn) error) error {
	return s.session(ctx, term, false, work)
}

// TableSession is a Session in which a person may name tables of their own: submsg's schema is followed by those that
// the login itself looks in.
func (s Database) TableSession(ctx context.Context, term terminal.Terminal, work func(*pgx.Conn) error) error {
	return s.session(ctx, term, true, work)
}

func (s Database) session(ctx context.Context, term terminal.Terminal, tables bool, work func(*pgx.Conn) error) error {
	cfg, err := s.Config()
	if err != nil {
		return err
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			term.Tell("warning: %s", withHint(strings.TrimPrefix(n.Message, "submsg: "), n.Hint))
		}
	}
	conn, _, err := s.connect(ctx, cfg, tables)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.Check(ctx, conn); err != nil {
		return err
	}
	if err := s.refuseForeign(ctx, conn, tables); err != nil {
		return err
	}
	return Refusal(work(conn))
}

// refuseForeign is the error of a session for rules in a schema in which others have a say: functions of submsg take
// rows of any table there, so that one of the same name for a certain table would be called instead.
func (s Database) refuseForeign(ctx context.Context, conn *pgx.Conn, tables bool) error {
	if !tables {
		return nil
	}
	names, err := Roles{Prefix: RolePrefix}.Naming(ctx, conn)
	if err != nil {
		return err
	}
	found, err := migrations.FindForeign(ctx, conn, names.Schema)
	if err != nil || len(found) == 0 {
		return err
	}
	says, mend := migrations.Describe(found)
	return fmt.Errorf("%s: no rule is looked at until that is mended; look at it, then let the schema's owner run %s",
		says, mend)
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
