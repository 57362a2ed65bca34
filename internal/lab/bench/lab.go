package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/templates"
)

// lab is where a run takes place: a server, and what is needed on it.
type lab struct {
	cfg       Config
	catalogue *templates.Catalogue
	server    *pgembed.Server // nil when the server was given
	url       *url.URL        // of the database that others are created from
	admin     *pgxpool.Pool   // to it; what is asked here doesn't count in the statistics of the databases measured
	waiting   *database       // with a long backlog, made once
}

// suite has a method for each figure that is measured.
type suite struct{ *lab }

// open starts or checks the server.
func open(ctx context.Context, cfg Config) (l *lab, err error) {
	l = &lab{cfg: cfg, catalogue: fields.Shipped()}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close(ctx))
		}
	}()
	address := cfg.DatabaseURL
	if address == "" {
		l.step("starting a private Postgres")
		// The server is reached by TCP, as most applications reach theirs.
		if l.server, err = pgembed.Start(ctx, pgembed.Config{Listen: "127.0.0.1:0"}); err != nil {
			return l, err
		}
		address = l.server.URL()
	}
	if l.url, err = url.Parse(address); err != nil || l.url.Scheme != "postgres" && l.url.Scheme != "postgresql" {
		// It is said without err, which would repeat the password.
		return l, errors.New("the database must be given as a URL, postgres://user:password@host/database")
	}
	if l.admin, err = pgxpool.New(ctx, address); err != nil {
		return l, errors.New("the settings in the database's URL can't be used")
	}
	return l, l.check(ctx)
}

// check asks for what the figures need before anything is created.
func (l *lab) check(ctx context.Context) error {
	const about = `
		SELECT current_setting('server_version_num')::int, rolcreatedb OR rolsuper, rolname
		FROM pg_roles WHERE rolname = current_user`
	var version int
	var mayCreate bool
	var role string
	if err := l.admin.QueryRow(ctx, about).Scan(&version, &mayCreate, &role); err != nil {
		return fmt.Errorf("the database can't be asked: %w", err)
	}
	switch {
	case version < 140000:
		return fmt.Errorf("PostgreSQL 14 or later is needed, the server's server_version_num is %d", version)
	case !mayCreate:
		return fmt.Errorf("the benchmark works only in databases that it creates itself, "+
			"and role %q may not create any: ALTER ROLE %s CREATEDB", role, pgx.Identifier{role}.Sanitize())
	}
	return nil
}

// about begins the report.
func (l *lab) about(ctx context.Context) (*Report, error) {
	r := &Report{CPUs: runtime.NumCPU()}
	pg := &r.Postgres
	pg.Private = l.server != nil
	return r, l.admin.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('fsync'),
		current_setting('synchronous_commit'), current_setting('full_page_writes'), current_setting('shared_buffers')`).
		Scan(&pg.Version, &pg.Fsync, &pg.SynchronousCommit, &pg.FullPageWrites, &pg.SharedBuffers)
}

func (l *lab) step(format string, args ...any) { l.cfg.Progress(fmt.Sprintf(format, args...)) }

// close takes everything away, also when ctx is done.
func (l *lab) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var errs []error
	if l.waiting != nil {
		errs = append(errs, l.waiting.drop(ctx))
	}
	if l.admin != nil {
		l.admin.Close()
	}
	if l.server != nil {
		errs = append(errs, l.server.Stop())
	}
	return errors.Join(errs...)
}
