package pgtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/migrations"
)

// templateLock is the key of the advisory lock under which one of several test binaries makes the template.
const templateLock = int64(0x706774657374) // "pgtest"

// makeTemplate makes the migrated database that tests are cloned from, unless the server has it. Its name holds a hash of
// the migrations, so that changed ones make a new template.
func (s *server) makeTemplate() (string, error) {
	hash, err := hashFiles(migrations.FS)
	if err != nil {
		return "", err
	}
	name := "submsg_template_" + hash[:16]
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
		return s.migrateNew(ctx, name)
	})
}

// migrateNew gives the database its name last, so that one of that name is complete.
func (s *server) migrateNew(ctx context.Context, name string) error {
	unfinished := name + "_unfinished"
	if err := s.drop(ctx, unfinished); err != nil {
		return err
	}
	if err := s.create(ctx, unfinished, "template0"); err != nil {
		return err
	}
	if err := migrations.Up(ctx, s.url(unfinished)); err != nil {
		return err
	}
	_, err := s.admin.Exec(ctx, "ALTER DATABASE "+quote(unfinished)+" RENAME TO "+quote(name))
	return err
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
