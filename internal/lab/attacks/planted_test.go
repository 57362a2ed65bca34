package attacks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// victim is a database in which a clerk, who is no superuser and owns nothing of ours, has made objects. Code of his
// that somebody else runs leaves its name in attack.loot.
type victim struct {
	*pgx.Conn // as a superuser
	t         *testing.T
	url       string
	clerk     string
}

const lootSQL = `
CREATE SCHEMA attack;
CREATE TABLE attack.loot (what text, who text);
CREATE FUNCTION attack.note(what text) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO attack.loot VALUES (what, session_user)';
CREATE FUNCTION attack.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM attack.note(''a trigger of '' || TG_RELID::regclass); RETURN NULL; END';
GRANT USAGE ON SCHEMA attack TO PUBLIC`

func newVictim(t *testing.T, url string) *victim {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{conn, t, url, "clerk_" + conn.Config().Database[max(0, len(conn.Config().Database)-40):]}
	v.exec(lootSQL)
	v.exec(`CREATE ROLE @clerk; GRANT CREATE, USAGE ON SCHEMA public TO @clerk`)
	t.Cleanup(func() {
		defer conn.Close(context.Background())
		_, err := conn.Exec(context.Background(), v.named(`RESET ROLE; RESET SESSION AUTHORIZATION; DROP OWNED BY @clerk CASCADE; DROP ROLE @clerk`))
		if err != nil {
			t.Error(err)
		}
	})
	return v
}

func (v *victim) named(sql string) string { return strings.ReplaceAll(sql, "@clerk", v.clerk) }

func (v *victim) exec(sql string) {
	v.t.Helper()
	if _, err := v.Exec(context.Background(), v.named(sql)); err != nil {
		v.t.Fatalf("%.2000s: %v", sql, err)
	}
}

func (v *victim) asClerk(sql string) {
	v.t.Helper()
	v.exec(`SET ROLE @clerk`)
	v.exec(sql)
	v.exec(`RESET ROLE`)
}

func (v *victim) wantNoLoot(after string) {
	v.t.Helper()
	if loot := texts(v.t, v.Conn, `SELECT DISTINCT what || ' as ' || who FROM attack.loot`); len(loot) > 0 {
		v.t.Errorf("%s has run foreign code: %q", after, loot)
		v.exec(`TRUNCATE attack.loot`)
	}
}

func texts(t *testing.T, conn *pgx.Conn, sql string, args ...any) []string {
	t.Helper()
	rows, _ := conn.Query(t.Context(), sql, args...) // its error comes from CollectRows
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return list
}

// ours are the names of what migrations make, but the example, by the kind of the catalogue.
func ours(t *testing.T, sql string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.DBWithoutOrders(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	return texts(t, conn, sql)
}

const (
	ourRelationsSQL = `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`
	ourTypesSQL     = `SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace ORDER BY 1`
	ourFunctionsSQL = `SELECT format('%I(%s)', proname, pg_get_function_identity_arguments(oid)) FROM pg_proc
	WHERE pronamespace = 'public'::regnamespace AND pg_get_function_identity_arguments(oid) !~ 'submsg' ORDER BY 1` // but those that take a type of ours, which isn't there yet
)

// plants make one object of each of our names, of a kind: %s is the name.
var plants = []struct{ kind, names, sql string }{
	{"table", ourRelationsSQL, `CREATE TABLE %s (version bigint, dirty boolean, file text, hash text);
		CREATE TRIGGER evil BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %[1]s EXECUTE FUNCTION attack.note(); GRANT ALL ON %[1]s TO PUBLIC;`},
	{"view", ourRelationsSQL, `CREATE VIEW %s AS SELECT 1::bigint AS version, false AS dirty, attack.note('a view')::text AS file; GRANT ALL ON %[1]s TO PUBLIC;`},
	{"materialized view", ourRelationsSQL, `CREATE MATERIALIZED VIEW %s AS SELECT 1::bigint AS version;`},
	{"sequence", ourRelationsSQL, `CREATE SEQUENCE %s;`},
	{"index", ourRelationsSQL, `CREATE TABLE IF NOT EXISTS clerks (a int); CREATE INDEX %s ON clerks (a);`},
	{"composite type", ourTypesSQL, `CREATE TYPE %s AS (a int);`},
	{"type", ourTypesSQL, `CREATE TYPE %s AS ENUM ('x');`},
	{"domain", ourTypesSQL, `CREATE DOMAIN %s AS text CHECK (attack.note(VALUE) IS NULL);`},
	{"function", ourFunctionsSQL, `CREATE FUNCTION %s RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN PERFORM attack.note(''a function''); END';`},
	{"procedure", ourFunctionsSQL, `CREATE PROCEDURE %s LANGUAGE plpgsql AS 'BEGIN PERFORM attack.note(''a procedure''); END';`},
}

// Whoever could make objects in the schema before may have left one under a name of ours. Each of them is refused, none
// is run, and the statements that the refusal has are enough.
func TestObjectsThatWereThereFirst(t *testing.T) {
	t.Parallel()
	for _, p := range plants {
		t.Run(p.kind, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, pgtest.Empty(t))
			names := ours(t, p.names)
			if len(names) < 10 {
				t.Fatalf("only %q", names)
			}
			for _, name := range names {
				v.asClerk(fmt.Sprintf(p.sql, strings.Replace(name, "OUT ", "", -1)))
			}
			v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk`)
			found := v.refused("belongs to " + v.clerk)
			for _, name := range names {
				bare, _, _ := strings.Cut(name, "(")
				if !slices.ContainsFunc(found, func(f migrations.Foreign) bool {
					return strings.Contains(f.Mend, bare)
				}) {
					t.Errorf("%s is not told: %v", name, found)
				}
			}
			for _, f := range found {
				v.exec(f.Mend)
			}
			v.migrates()
		})
	}
}

// refused wants migrate up to be refused with these words, and the statements that mend it. It returns all there are.
func (v *victim) refused(words string) []migrations.Foreign {
	v.t.Helper()
	err := migrations.Up(v.t.Context(), v.url)
	v.wantNoLoot("migrate up")
	found, findErr := migrations.FindForeign(v.t.Context(), v.Conn, "public")
	if err == nil || findErr != nil || len(found) == 0 {
		v.t.Fatalf("migrated: %v, %v, %v", err, findErr, found)
	}
	if !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), found[0].Mend) {
		v.t.Errorf("%v; want %s, %s", err, words, found[0].Mend)
	}
	if err := migrations.Check(v.t.Context(), v.Conn); err == nil {
		v.t.Error("the schema fits")
	}
	v.wantNoLoot("the look at the version")
	return found
}

func (v *victim) migrates() {
	v.t.Helper()
	if err := migrations.Up(v.t.Context(), v.url); err != nil {
		v.t.Error(err)
	}
	v.wantNoLoot("migrate up")
}

// Where others may make objects, submsg is neither made nor brought up to date, whoever these others are.
func TestOthersMayCreate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, grant, mend string }{
		{"everybody, as up to PostgreSQL 14", `GRANT CREATE ON SCHEMA public TO PUBLIC; REVOKE CREATE ON SCHEMA public FROM @clerk`, `REVOKE CREATE ON SCHEMA public FROM PUBLIC`},
		{"one role", ``, `REVOKE CREATE ON SCHEMA public FROM @clerk`},
		{"one role, with everybody", `GRANT CREATE ON SCHEMA public TO PUBLIC`, `REVOKE CREATE ON SCHEMA public FROM PUBLIC, @clerk`},
		{"who may hand it on", `GRANT CREATE ON SCHEMA public TO @clerk WITH GRANT OPTION; SET ROLE @clerk; GRANT CREATE ON SCHEMA public TO PUBLIC; RESET ROLE`, `REVOKE CREATE ON SCHEMA public FROM PUBLIC, @clerk CASCADE`},
	} {
		for name, make := range map[string]func(testing.TB) string{"before": pgtest.Empty, "after": pgtest.DB} {
			t.Run(tt.name+", "+name, func(t *testing.T) {
				t.Parallel()
				v := newVictim(t, make(t))
				v.exec(tt.grant)
				err := migrations.Up(t.Context(), v.url)
				if err == nil || !strings.Contains(err.Error(), v.named(tt.mend)+";") {
					t.Errorf("%v; want %s", err, v.named(tt.mend))
				}
				made := texts(t, v.Conn, `SELECT relname::text FROM pg_class WHERE relname ~ '^submsg'`)
				if name == "before" && len(made) > 0 {
					t.Errorf("it has made %q before", made)
				}
				v.exec(tt.mend)
				v.migrates()
			})
		}
	}
}

// What a transaction has made before the right was taken away, and shows only after migrate up has looked, is in the
// way of the migration or found by it; it is never run. So that it shows just then, two locks stop the migration: one
// of the view in which golang-migrate looks for its table, and one without which no table of messages is made.
func TestObjectsThatShowLater(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"the version table": fmt.Sprintf(plants[0].sql, migrations.VersionTable),
		"a table":           fmt.Sprintf(plants[0].sql, "submsgobject"),
		"a function":        `CREATE FUNCTION subMsg_wake() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM attack.note(''later''); RETURN NULL; END'`,
		"a view":            fmt.Sprintf(plants[1].sql, "submsghealth"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, pgtest.Empty(t))
			clerk, err := pgx.Connect(t.Context(), v.url)
			if err != nil {
				t.Fatal(err)
			}
			defer clerk.Close(context.Background())
			if _, err := clerk.Exec(t.Context(), v.named(`SET ROLE @clerk; BEGIN; `+sql)); err != nil {
				t.Fatal(err)
			}
			v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk`)
			holder, err := pgx.Connect(t.Context(), v.url)
			if err != nil {
				t.Fatal(err)
			}
			defer holder.Close(context.Background())
			if _, err := holder.Exec(t.Context(), `BEGIN; LOCK TABLE pg_sequence IN SHARE MODE;
				ALTER VIEW information_schema.tables SET (security_barrier = false)`); err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- migrations.Up(context.Background(), v.url) }()
			v.until(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 AND datname = current_database())`)
			if _, err := clerk.Exec(t.Context(), `COMMIT`); err != nil {
				t.Fatal(err)
			}
			if _, err := holder.Exec(t.Context(), `ROLLBACK`); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err == nil {
				t.Error("it has migrated")
			}
			v.wantNoLoot("migrate up")
			v.refused("belongs to " + v.clerk)
		})
	}
}

// until waits for a condition, for two minutes at most.
func (v *victim) until(sql string) {
	v.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-tick.C {
		var ok bool
		if time.Now().After(deadline) {
			v.t.Fatalf("never came true: %s", sql)
		}
		if err := v.QueryRow(v.t.Context(), sql).Scan(&ok); err != nil || ok {
			if err != nil {
				v.t.Fatal(err)
			}
			return
		}
	}
}
