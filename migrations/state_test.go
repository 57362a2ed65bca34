package migrations_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// note makes the schema seem to be of another version.
func note(t *testing.T, conn *pgx.Conn, text string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), `COMMENT ON TABLE `+migrations.VersionTable+` IS '`+text+`'`)
	must(t, err)
}

func wantMismatch(t *testing.T, err error, have int, words string) {
	t.Helper()
	var mismatch *migrations.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Have != have || !strings.Contains(err.Error(), words) {
		t.Errorf("%v; want a mismatch at %d that says %q", err, have, words)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	conn := connect(t, url)
	wantMismatch(t, migrations.Check(t.Context(), conn), 0, "no submsg schema yet")
	must(t, migrations.Up(t.Context(), url))
	must(t, migrations.Check(t.Context(), conn))
	must(t, migrations.Down(t.Context(), url, 1))
	wantMismatch(t, migrations.Check(t.Context(), conn), migrations.Latest()-1, "submsg migrate up")
}

// Tables that fit aren't enough to start with; who runs already goes on.
func TestCheckObjects(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.DB(t))
	for _, tt := range []struct {
		damage string
		have   int
		words  string
	}{
		{`UPDATE subMsgObject SET version = 1 WHERE file = 'objects/wake.sql'`, 1, "functions, views and triggers are of version 1, this submsg needs"},
		{`DELETE FROM subMsgObject`, 0, "functions, views and triggers have yet to be applied: run `submsg migrate up`"},
	} {
		exec(t, conn, tt.damage)
		err := migrations.Check(t.Context(), conn)
		wantMismatch(t, err, tt.have, tt.words)
		state, err := migrations.StateOf(t.Context(), conn)
		must(t, err)
		must(t, state.CheckTables())
		must(t, migrations.Up(t.Context(), conn.Config().ConnString()))
		must(t, migrations.Check(t.Context(), conn))
	}
}

// What builds before the first release have left is told by all in the same words, and stays as it is.
func TestEarlierBuild(t *testing.T) {
	t.Parallel()
	for name, noted := range map[string]string{"noted": "schema version 15, oldest submsg 13", "note lost": ""} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.Empty(t)
			conn := connect(t, url)
			exec(t, conn, `CREATE TABLE subMsgList (id int); CREATE TABLE `+migrations.VersionTable+` (version bigint PRIMARY KEY, dirty boolean NOT NULL);
				INSERT INTO `+migrations.VersionTable+` VALUES (15, false)`)
			note(t, conn, noted)
			before := snapshot(t, url)
			for _, err := range []error{
				migrations.Check(t.Context(), conn),
				migrations.Up(t.Context(), url),
				migrations.Down(t.Context(), url, -1),
			} {
				wantError(t, err, "before the first release, which can't be carried over: "+
					"take it back with that submsg's `submsg migrate down --all`, or drop the schema; "+
					"then run `submsg migrate up`")
			}
			if diff := cmp.Diff(before, snapshot(t, url)); diff != "" {
				t.Errorf("the schema was changed (-before +after):\n%s", diff)
			}
			exec(t, conn, `DROP TABLE subMsgList; TRUNCATE `+migrations.VersionTable) // as its own migrate down --all leaves it
			note(t, conn, "schema version 0, oldest submsg 0")
			must(t, migrations.Up(t.Context(), url))
			must(t, migrations.Check(t.Context(), conn))
		})
	}
}

// A newer schema says which submsgs work with it. This one leaves it alone, in any case.
func TestNewerSchema(t *testing.T) {
	t.Parallel()
	latest := migrations.Latest()
	for _, tt := range []struct {
		name, note string
		works      bool
		says       string
	}{
		{"compatible", fmt.Sprintf("schema version 999, oldest submsg %d", latest), true, fmt.Sprintf("version 999, newer than this submsg's %d and compatible", latest)},
		{"compatible with far older ones", "schema version 999, oldest submsg 2", true, fmt.Sprintf("version 999, newer than this submsg's %d and compatible", latest)},
		{"breaking", fmt.Sprintf("schema version 999, oldest submsg %d", latest+1), false, "version 999"},
		{"without a word", "schema version 999", false, "version 999"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.DB(t)
			conn := connect(t, url)
			before := snapshot(t, url)
			note(t, conn, tt.note)
			state, err := migrations.StateOf(t.Context(), conn)
			must(t, err)
			if got := state.String(); got != tt.says || !state.Newer() {
				t.Errorf("it says %q, want %q", got, tt.says)
			}
			for what, err := range map[string]error{
				"Check": migrations.Check(t.Context(), conn),
				"Up":    migrations.Up(t.Context(), url),
			} {
				if tt.works && err != nil {
					t.Errorf("%s: %v", what, err)
				} else if !tt.works {
					wantMismatch(t, err, 999, "can work with: install the newer submsg")
				}
			}
			wantMismatch(t, migrations.Down(t.Context(), url, 1), 999, "install the newer submsg")
			if after, _ := migrations.StateOf(t.Context(), conn); after != state {
				t.Errorf("the state became %+v", after)
			}
			if diff := cmp.Diff(before, snapshot(t, url)); diff != "" {
				t.Errorf("the schema was changed (-before +after):\n%s", diff)
			}
		})
	}
}

// What golang-migrate says in mid-migration, and its lock, concern nobody who only checks.
func TestCheckBesideAMigration(t *testing.T) {
	t.Parallel()
	conn, other := connect(t, pgtest.DB(t)), (*pgx.Conn)(nil)
	other = connect(t, conn.Config().ConnString())
	tx, err := other.Begin(t.Context())
	must(t, err)
	defer tx.Rollback(t.Context())
	_, err = tx.Exec(t.Context(), `TRUNCATE `+migrations.VersionTable+`; INSERT INTO `+migrations.VersionTable+` VALUES (999, true)`)
	must(t, err)
	_, err = conn.Exec(t.Context(), `SET lock_timeout = '1ms'`)
	must(t, err)
	must(t, migrations.Check(t.Context(), conn))
	must(t, tx.Commit(t.Context()))
	must(t, migrations.Check(t.Context(), conn))
}

// A restore without comments loses the note: the row is believed then, by Check and by what is migrated later.
func TestNoteIsLost(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "our tables: ask the DBA"} {
		url := pgtest.DB(t)
		conn := connect(t, url)
		must(t, migrations.Down(t.Context(), url, 1))
		note(t, conn, text)
		wantMismatch(t, migrations.Check(t.Context(), conn), migrations.Latest()-1, "submsg migrate up")
		must(t, migrations.Up(t.Context(), url))
		must(t, migrations.Check(t.Context(), conn))

		note(t, conn, text)
		must(t, migrations.Check(t.Context(), conn))
		must(t, migrations.Up(t.Context(), url)) // which notes it again: a cut in the next migration would need it
		var noted string
		must(t, conn.QueryRow(t.Context(), `SELECT obj_description($1::regclass)`, migrations.VersionTable).Scan(&noted))
		if want := fmt.Sprintf("schema version %d, ", migrations.Latest()); !strings.HasPrefix(noted, want) {
			t.Errorf("noted %q, want %q", noted, want)
		}
	}
}

// Nobody can tell what a foreign comment hides after a cut.
func TestForeignNoteAfterACut(t *testing.T) {
	t.Parallel()
	url := pgtest.DB(t)
	conn := connect(t, url)
	note(t, conn, "our tables: ask the DBA")
	_, err := conn.Exec(t.Context(), `UPDATE `+migrations.VersionTable+` SET dirty = true`)
	must(t, err)
	for _, err := range []error{migrations.Check(t.Context(), conn), migrations.Up(t.Context(), url)} {
		wantError(t, err, "doesn't tell which version was reached")
	}
}

// A URL may be the pool's of serve.
func TestPoolSettingsInTheURL(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t) + "&pool_max_conns=3&pool_max_conn_lifetime=1h"
	must(t, migrations.Up(t.Context(), url))
	must(t, migrations.Down(t.Context(), url, 1))
}
