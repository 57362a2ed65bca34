package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

const insertSQL = `INSERT INTO subMsgList (openid, templateId) VALUES ('oHELD', 'orderStatus')`

// held is a database whose next migration needs the messages' table for itself, with a transaction that has used that.
func held(t *testing.T) (url string, shop *pgx.Conn) {
	t.Helper()
	url = pgtest.DB(t)
	config, err := pgx.ParseConfig(url)
	must(t, err)
	config.RuntimeParams["application_name"] = "shop \"1\""
	shop, err = pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { shop.Close(context.Background()) })
	_, err = shop.Exec(t.Context(), `BEGIN; `+insertSQL)
	must(t, err)
	return url + "&lock_timeout=300ms", shop
}

// migrate runs a migration beside the test, and tells of whom it says that they hold it up.
func migrate(move func(migrations.Migrator) error, url string) (held chan string, done chan error) {
	held, done = make(chan string, 1000), make(chan error, 1)
	go func() { done <- move(migrations.Migrator{URL: url, Tell: func(text string) { held <- text }}) }()
	return held, done
}

// up is the next submsg's, which alters subMsgList.
func up(ctx context.Context, t *testing.T) func(migrations.Migrator) error {
	files := next(t, nil, priority)
	return func(m migrations.Migrator) error { return m.With(files).Up(ctx) }
}

func wantNext(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	must(t, migrations.CheckWith(t.Context(), conn, next(t, nil, priority)))
}

func heldText(t *testing.T, held chan string, done chan error) string {
	t.Helper()
	select {
	case text := <-held:
		return text
	case err := <-done:
		t.Fatalf("it wasn't held up: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("neither held up nor done")
	}
	return ""
}

// An open transaction holds up the migration, but nobody else, and is waited for.
func TestHeldUp(t *testing.T) {
	t.Parallel()
	url, shop := held(t)
	other := connect(t, url)
	_, err := other.Exec(t.Context(), `SET lock_timeout = '20s'`)
	must(t, err)
	holding, done := migrate(up(t.Context(), t), url)
	said := heldText(t, holding, done)
	want := regexp.MustCompile(`^the migration waits for a lock that session \d+ \("shop \\"1\\"" of \w+, for \d+s\) holds; `)
	if !want.MatchString(said) || strings.Contains(said, "oHELD") {
		t.Errorf("it says %q", said)
	}
	for range 20 {
		_, err := other.Exec(t.Context(), insertSQL)
		must(t, err)
	}
	select {
	case err := <-done:
		t.Fatalf("the migration has ended: %v", err)
	default:
	}
	_, err = other.Exec(t.Context(), `INSERT INTO subMsgRuleError (ruleId, error, rowData) VALUES (1, 'could not obtain lock', '{}')`)
	must(t, err)
	_, err = shop.Exec(t.Context(), `COMMIT`)
	must(t, err)
	must(t, <-done)
	const missed = "updates that have not become messages meanwhile: 1; `submsg rules replay` makes up for them"
	if said := heldText(t, holding, done); said != missed {
		t.Errorf("it says %q", said)
	}
	wantNext(t, other)
	var n int
	must(t, other.QueryRow(t.Context(), `SELECT count(*) FROM subMsgList`).Scan(&n))
	if n != 21 {
		t.Errorf("%d messages, want 21", n)
	}
}

// Nobody waits behind a migration that waits: it asks once, and then only looks on.
func TestOneTryPerHolder(t *testing.T) {
	t.Parallel()
	url, shop := held(t)
	holding, done := migrate(up(t.Context(), t), url)
	heldText(t, holding, done)
	watcher := connect(t, url)
	for range 15 { // of 0.2 s: more than the pause
		var waiting bool
		must(t, watcher.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks, pg_sleep(0.2) WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waiting))
		if waiting {
			t.Error("it waits for the lock again")
		}
	}
	_, err := shop.Exec(t.Context(), `ROLLBACK`)
	must(t, err)
	must(t, <-done)
	if len(holding) > 0 {
		t.Errorf("held up again: %s", <-holding)
	}
}

// Who gives up waiting leaves a schema that works, and nothing half done.
func TestHeldUpUntilTheEnd(t *testing.T) {
	t.Parallel()
	url, shop := held(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	holding, done := migrate(up(ctx, t), url)
	heldText(t, holding, done)
	cancel()
	err := <-done
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted while session ") {
		t.Errorf("error = %v", err)
	}
	exec(t, shop, `COMMIT`)
	conn := connect(t, url)
	must(t, migrations.Check(t.Context(), conn))
	if s, err := migrations.StateOf(t.Context(), conn); s.Version != migrations.Latest() || err != nil {
		t.Errorf("at %+v, %v", s, err)
	}
	must(t, up(t.Context(), t)(migrations.Migrator{URL: url}))
	wantNext(t, conn)
}

// Taking back so many is still so many when a try was in vain, or came half the way.
func TestDownHeldUp(t *testing.T) {
	t.Parallel()
	latest := migrations.Latest()
	files := next(t, nil, [2]string{`CREATE TABLE subMsgFirst ();`, `DROP TABLE subMsgFirst;`}, [2]string{`CREATE TABLE subMsgSecond ();`, `DROP TABLE subMsgSecond;`})
	for _, tt := range []struct{ name, table string }{
		{"before the first, as by pg_dump", migrations.VersionTable},
		{"after the first", "subMsgFirst"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.DB(t)
			must(t, migrations.Migrator{URL: url}.With(files).Up(t.Context()))
			shop := connect(t, url)
			exec(t, shop, `BEGIN; SELECT FROM `+tt.table)
			down := func(m migrations.Migrator) error { return m.With(files).Down(t.Context(), 2) }
			holding, done := migrate(down, url+"&lock_timeout=300ms")
			heldText(t, holding, done)
			exec(t, shop, `COMMIT`)
			must(t, <-done)
			if s, err := migrations.StateOf(t.Context(), shop); s.Version != latest || err != nil {
				t.Errorf("at %+v, %v", s, err)
			}
		})
	}
}

// The objects wait for a lock as the tables do: here for the one that a trigger on the messages' table takes.
func TestObjectsHeldUp(t *testing.T) {
	t.Parallel()
	files := next(t, map[string]string{"objects/next.sql": `CREATE OR REPLACE TRIGGER subMsgList_next BEFORE DELETE ON SUBMSG_SCHEMA.subMsgList
		FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger();`})
	url, shop := held(t)
	holding, done := migrate(func(m migrations.Migrator) error { return m.With(files).Up(t.Context()) }, url)
	if said := heldText(t, holding, done); !strings.Contains(said, `("shop \"1\"" of`) {
		t.Errorf("it says %q", said)
	}
	other := connect(t, url)
	exec(t, other, insertSQL)
	exec(t, shop, `COMMIT`)
	must(t, <-done)
	if n := one[int](t, other, `SELECT count(*) FROM pg_trigger WHERE tgname = 'submsglist_next'`); n != 1 {
		t.Errorf("%d triggers", n)
	}
}

// A prepared transaction has no session, and may be forgotten for days: it is tried less and less often.
func TestHeldUpByAPreparedTransaction(t *testing.T) {
	t.Parallel()
	url, shop := held(t)
	name := "'" + shop.Config().Database + "'"
	_, err := shop.Exec(t.Context(), `PREPARE TRANSACTION `+name)
	must(t, err)
	holding, done := migrate(up(t.Context(), t), url)
	said := heldText(t, holding, done)
	if !strings.Contains(said, "a prepared transaction (see pg_prepared_xacts) holds") {
		t.Errorf("it says %q", said)
	}
	_, err = shop.Exec(t.Context(), `COMMIT PREPARED `+name)
	must(t, err)
	must(t, <-done)
}

// Whoever owns the tables needn't be allowed to look at other sessions; that hides since when, and nothing else.
func TestHeldUpAsAnOrdinaryLogin(t *testing.T) {
	t.Parallel()
	there := pgtest.Empty(t)
	super := connect(t, there)
	login := super.Config().Database + "_owner"
	_, err := super.Exec(t.Context(), fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'secret'; ALTER SCHEMA public OWNER TO %[1]s`, login))
	must(t, err)
	defer super.Exec(context.Background(), fmt.Sprintf(`DROP OWNED BY %[1]s CASCADE; DROP ROLE %[1]s`, login))
	as, err := url.Parse(there)
	must(t, err)
	as.User = url.UserPassword(login, "secret")
	must(t, migrations.Up(t.Context(), as.String()))
	_, err = super.Exec(t.Context(), `BEGIN; `+insertSQL)
	must(t, err)
	holding, done := migrate(up(t.Context(), t), as.String()+"&lock_timeout=300ms")
	if said := heldText(t, holding, done); !regexp.MustCompile(`that session \d+ \("" of \w+\) holds`).MatchString(said) {
		t.Errorf("it says %q", said)
	}
	_, err = super.Exec(t.Context(), `COMMIT`)
	must(t, err)
	must(t, <-done)
}
