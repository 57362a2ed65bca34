package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/migrations"
)

// templateLock is the key of the advisory lock under which one of several test binaries makes a template.
const templateLock = int64(0x706774657374) // "pgtest"

// kind is what a template database holds.
type kind int

const (
	withOrders kind = iota
	withoutOrders
	installation
)

var kinds = map[kind]struct {
	name string // in the template's name
	fill func(s *server, ctx context.Context, database string) error
}{
	withOrders: {"orders", func(s *server, ctx context.Context, database string) error {
		return migrate(ctx, migrations.Migrator{URL: s.url(database), Orders: true})
	}},
	withoutOrders: {"plain", func(s *server, ctx context.Context, database string) error {
		return migrate(ctx, migrations.Migrator{URL: s.url(database)})
	}},
	installation: {"installation", (*server).install},
}

// migrate does what `submsg migrate up` does: it makes the schema, and publishes the causes into it.
func migrate(ctx context.Context, m migrations.Migrator) error {
	if err := m.Up(ctx); err != nil {
		return err
	}
	config, err := pgx.ParseConfig(m.URL)
	if err != nil {
		return err
	}
	if m.Schema != "" {
		config.RuntimeParams["search_path"] = quote(m.Schema)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return explain.Publish(ctx, conn)
}

// makeTemplate makes the database that tests are cloned from, unless the server has it. Its name holds a hash of
// the migrations and of the published causes, so that changed ones make a new template.
func (s *server) makeTemplate(k kind) (string, error) {
	hash, err := hashFiles(migrations.FS)
	if err != nil {
		return "", err
	}
	// fmt prints maps in the order of their keys.
	causes := sha256.Sum256(fmt.Append(nil, hash, explain.WeChat, explain.Kinds))
	hash = hex.EncodeToString(causes[:])
	name := "submsg_template_" + kinds[k].name + "_" + hash[:16]
	ctx, cancel := context.WithTimeout(context.Background(), 3*opTimeout)
	defer cancel()
	return name, s.admin.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
			return err
		}
		defer conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", templateLock)
		var exists bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
		if err != nil || exists {
			return err
		}
		return s.fillNew(ctx, name, k)
	})
}

// fillNew gives the database its name last, so that one of that name is complete.
func (s *server) fillNew(ctx context.Context, name string, k kind) error {
	unfinished := name + "_unfinished"
	if err := s.drop(ctx, unfinished); err != nil {
		return err
	}
	if err := s.create(ctx, unfinished, "template0"); err != nil {
		return err
	}
	if err := kinds[k].fill(s, ctx, unfinished); err != nil {
		return err
	}
	_, err := s.admin.Exec(ctx, "ALTER DATABASE "+quote(unfinished)+" RENAME TO "+quote(name))
	return err
}

// InstallationSchema is the schema that Installation puts submsg into.
const InstallationSchema = "消息 Box"

// installationRole owns it. A role is the server's: all installations of all test binaries have the same.
const installationRole = "submsg_installation"

const shopSQL = `
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'submsg_installation') THEN
        CREATE ROLE submsg_installation LOGIN PASSWORD 'secret';
    END IF;
END $$;
CREATE TABLE public.orders (orderNo text PRIMARY KEY, buyer text NOT NULL, total numeric NOT NULL, state text NOT NULL DEFAULT 'new',
    notify boolean NOT NULL DEFAULT false);
COMMENT ON TABLE public.orders IS 'The shop''s';
INSERT INTO public.orders (orderNo, buyer, total) VALUES ('A-1', 'oBUYER', 12.50);
GRANT SELECT, UPDATE, TRIGGER ON public.orders TO submsg_installation;
CREATE SCHEMA "消息 Box" AUTHORIZATION submsg_installation`

// install makes the shop as the administrator, and submsg as the login that owns its schema.
func (s *server) install(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, s.url(database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, shopSQL); err != nil {
		return err
	}
	return migrate(ctx, migrations.Migrator{URL: asInstaller(s.url(database)), Schema: InstallationSchema})
}

// asInstaller is the URL of a database for the login that owns the installation.
func asInstaller(there string) string {
	u, _ := url.Parse(there) // which server.go has made
	u.User = url.UserPassword(installationRole, "secret")
	return u.String()
}

// hashFiles names the content of all files, their names included.
func hashFiles(files fs.FS) (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(hash, "%q %q\n", path, content)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)), err
}
