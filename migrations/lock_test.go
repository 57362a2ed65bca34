package migrations_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// Who waits for another migration says for which, while it waits and when it gives up.
func TestAnotherMigration(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	other := connect(t, url+"&application_name=other")
	_, err := other.Exec(t.Context(), `BEGIN; COMMENT ON SCHEMA public IS 'being looked at'`)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	waiting, done := migrate(up(ctx, t), url)
	if said := heldText(t, waiting, done); !regexp.MustCompile(`^another migration is under way, by session \d+ \("other" of \w+, for \d+s\): waiting until it ends$`).MatchString(said) {
		t.Errorf("it says %q", said)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	waiting, done = migrate(up(t.Context(), t), url)
	heldText(t, waiting, done)
	_, err = other.Exec(t.Context(), `COMMIT`)
	must(t, err)
	must(t, <-done)
}

// Who may not migrate is told who may.
func TestMigrateWithoutRights(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	owner := connect(t, url)
	role := "guest_" + owner.Config().Database
	_, err := owner.Exec(t.Context(), `CREATE ROLE "`+role+`"; GRANT SELECT ON `+migrations.VersionTable+` TO "`+role+`"`)
	must(t, err)
	t.Cleanup(func() { owner.Exec(context.Background(), `DROP OWNED BY "`+role+`"; DROP ROLE "`+role+`"`) })
	err = up(t.Context(), t)(migrations.Migrator{URL: url + "&options=-c%20role%3D" + role})
	if err == nil || !strings.HasSuffix(err.Error(), "migrate as the owner of submsg's tables") {
		t.Errorf("error = %v", err)
	}
}

// Where the session that holds the lock ends, others may migrate: what is under way goes no further.
func TestTheLockIsLost(t *testing.T) {
	t.Parallel()
	url, shop := held(t)
	waiting, done := migrate(up(t.Context(), t), url)
	heldText(t, waiting, done)
	_, err := shop.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks
		WHERE locktype = 'object' AND classid = 'pg_namespace'::regclass AND mode = 'ShareUpdateExclusiveLock'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	must(t, err)
	_, err = shop.Exec(t.Context(), `COMMIT`)
	must(t, err)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "keeps others from migrating has ended") {
		t.Errorf("error = %v", err)
	}
	must(t, up(t.Context(), t)(migrations.Migrator{URL: url}))
	wantNext(t, shop)
}
