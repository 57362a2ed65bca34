package attacks

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/roles"
	"github.com/submsg/submsg/migrations"
)

// The owner of the schema may put any trigger on its tables. When a superuser migrates, it runs with the owner's rights
// all the same.
func TestSuperuserMigratesAsTheOwner(t *testing.T) {
	t.Parallel()
	v := newVictim(t, pgtest.Empty(t))
	v.exec(`CREATE SCHEMA box AUTHORIZATION @clerk; CREATE TABLE attack.acts (who text); GRANT INSERT ON attack.acts TO PUBLIC;
		CREATE FUNCTION attack.act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO attack.acts VALUES (current_user); RETURN NULL; END'`)
	migrator := migrations.Migrator{URL: v.url, Schema: "box"}
	if err := migrator.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if foreign := texts(t, v.Conn, `SELECT relname::text FROM pg_class WHERE relnamespace = 'box'::regnamespace AND relowner <> $1::regrole`, v.clerk); len(foreign) > 0 {
		t.Errorf("not the owner's: %q", foreign)
	}
	for _, table := range texts(t, v.Conn, `SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'box'::regnamespace AND relkind = 'r'`) {
		v.asClerk(`CREATE FUNCTION box.act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO attack.acts VALUES (current_user); RETURN NULL; END';
			CREATE TRIGGER act AFTER INSERT OR UPDATE OR DELETE ON ` + table + ` EXECUTE FUNCTION box.act(); ALTER FUNCTION box.act() RENAME TO "act of ` + table + `"`)
	}
	v.asClerk(`DELETE FROM box.subMsgObject`)
	v.exec(`TRUNCATE attack.acts`)
	for _, move := range []func() error{
		func() error { return migrator.Up(t.Context()) }, func() error { return migrator.Down(t.Context(), 1) },
		func() error { return migrator.Up(t.Context()) }, func() error { return migrator.Down(t.Context(), -1) },
	} {
		if err := move(); err != nil {
			t.Error(err)
		}
	}
	if who := texts(t, v.Conn, `SELECT DISTINCT who FROM attack.acts`); len(who) != 1 || who[0] != v.clerk {
		t.Errorf("the owner's triggers ran as %q", who)
	}
}

// The documented way from nothing: a superuser runs one script, its owner migrates and gives the roles their rights.
// No role of submsg is more than it needs, and no other way in is left.
func TestTheOwnerNeedsNoSuperuser(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"public", "The 店 Shop"} {
		t.Run(schema, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, pgtest.Empty(t))
			names := roles.Naming{Prefix: "o" + strings.ToLower(v.clerk[max(0, len(v.clerk)-20):]), Schema: schema}
			v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk; GRANT CREATE ON SCHEMA public TO PUBLIC`)
			v.exec(names.OwnerSQL())
			v.exec(names.OwnerSQL())
			t.Cleanup(func() {
				v.exec(`RESET ROLE; DO $$ DECLARE r name; BEGIN FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE '` + names.Prefix + `\_%' LOOP
					EXECUTE format('DROP OWNED BY %1$I CASCADE', r); EXECUTE format('DROP ROLE %1$I', r); END LOOP; END $$`)
			})
			there, err := url.Parse(v.url)
			if err != nil {
				t.Fatal(err)
			}
			there.User = url.User(names.Prefix + "_owner")
			migrator := migrations.Migrator{URL: there.String(), Schema: schema, Orders: true}
			if err := migrator.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			owner, err := pgx.Connect(t.Context(), there.String())
			if err != nil {
				t.Fatal(err)
			}
			defer owner.Close(context.Background())
			if _, err := owner.PgConn().Exec(t.Context(), names.SQL()).ReadAll(); err != nil {
				t.Fatal(err)
			}
			if lines, err := names.Check(t.Context(), owner); err != nil || len(lines) > 0 {
				t.Errorf("%v, still to do: %q", err, lines)
			}
			if strong := texts(t, v.Conn, `SELECT rolname::text FROM pg_roles WHERE rolname LIKE $1 AND
				(rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)`, names.Prefix+`\_%`); len(strong) > 0 {
				t.Errorf("can do too much: %q", strong)
			}
		})
	}
}

// Two schemas on a login's path that both look like an installation: nobody guesses which one is meant. One that
// belongs to somebody who doesn't own its schema isn't taken for one, and is not read.
func TestWhatLooksLikeAnInstallation(t *testing.T) {
	t.Parallel()
	v := newVictim(t, pgtest.Empty(t))
	v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk; CREATE SCHEMA postgres AUTHORIZATION @clerk; CREATE SCHEMA open; GRANT CREATE, USAGE ON SCHEMA open TO @clerk`)
	err := migrations.Up(t.Context(), v.url) // the first on the path is "$user"
	want := `belongs to "` + v.clerk + `": if that is where submsg shall live`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v; want %s", err, want)
	}
	for _, schema := range []string{"postgres", "public"} {
		if err := (migrations.Migrator{URL: v.url, Schema: schema}).Up(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v.runsSaying("migrate status", 1, "postgres, public of the login's search_path all hold a submsg")
	v.runsSaying("list --schema=public", 0, "")
	v.asClerk(`SET search_path = open; CREATE VIEW submsg_schema_migrations AS SELECT 8::bigint AS version, attack.note('a view') IS NULL AS dirty;
		COMMENT ON VIEW submsg_schema_migrations IS 'schema version 8, oldest submsg 8';
		CREATE VIEW subMsgObject AS SELECT attack.note('a view')::text AS file, ''::text AS hash, 8 AS version; GRANT SELECT ON ALL TABLES IN SCHEMA open TO PUBLIC`)
	v.exec(`RESET search_path`)
	for _, command := range []string{"list", "status", "migrate status", "migrate up", "roles --check", "rules list",
		"serve", "show 1"} {
		v.runsSaying(command+" --schema=open", 1, "open.submsg_schema_migrations belongs to "+v.clerk)
	}
	v.exec(`ALTER DATABASE ` + pgx.Identifier{v.Config().Database}.Sanitize() + ` SET search_path = open, public`)
	v.runsSaying("list", 0, "")
}

// runsSaying wants a command to end with a code and words, and to run nobody's code.
func (v *victim) runsSaying(line string, code int, words string) {
	v.t.Helper()
	cmd := v.submsg(strings.Fields(line)...)
	cmd.Env = append(cmd.Env, "SUBMSG_FAKE_URL=http://127.0.0.1:1")
	out, _ := cmd.CombinedOutput() // its exit code tells
	if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(string(out), words) {
		v.t.Errorf("submsg %s: exit code %d, want %d and %q: %s", line, got, code, words, out)
	}
	v.wantNoLoot("submsg " + line)
}
