package roles_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/roles"
	"github.com/submsg/submsg/migrations"
)

func (d *db) check() []string {
	d.t.Helper()
	lines, err := d.names.Check(d.t.Context(), d.Conn)
	if err != nil {
		d.t.Fatal(err)
	}
	return lines
}

func TestScriptGivesWhatCheckWants(t *testing.T) {
	d := newDB(t)
	if lines := d.check(); lines != nil {
		t.Errorf("after the script: %q", lines)
	}
	d.exec(d.names.SQL())
	if lines := d.check(); lines != nil {
		t.Errorf("after it ran twice: %q", lines)
	}
}

// Each damage is told by the line that mends it, and that line, run, mends it.
func TestCheckTellsEachDifference(t *testing.T) {
	d := newDB(t)
	for _, tt := range []struct {
		damage string
		want   []string
	}{
		{`REVOKE INSERT (page) ON subMsgList FROM @app`, []string{`GRANT INSERT (page) ON public.submsglist TO @app;`}},
		{`REVOKE SELECT ON subMsgPause FROM @readonly`, []string{`GRANT SELECT ON public.submsgpause TO @readonly;`}},
		{`REVOKE UPDATE ON SEQUENCE subMsgWake FROM @worker`, []string{`GRANT UPDATE ON SEQUENCE public.submsgwake TO @worker;`}},
		{`REVOKE SELECT ON SEQUENCE subMsgWake FROM PUBLIC`, []string{`GRANT SELECT ON SEQUENCE public.submsgwake TO PUBLIC;`}},
		{`GRANT UPDATE (openid) ON subMsgList TO @worker`, []string{`REVOKE UPDATE (openid) ON public.submsglist FROM @worker;`}},
		{`GRANT TRUNCATE ON subMsgRule TO @admin`, []string{`REVOKE TRUNCATE ON public.submsgrule FROM @admin;`}},
		{`GRANT TRUNCATE ON subMsgList TO @admin`, []string{`REVOKE TRUNCATE ON public.submsglist FROM @admin;`}},
		{`GRANT TRIGGER, REFERENCES ON subMsgList TO @app`, []string{`REVOKE REFERENCES ON public.submsglist FROM @app;`,
			`REVOKE TRIGGER ON public.submsglist FROM @app;`}},
		{`GRANT SELECT ON subMsgList TO @app`, []string{`REVOKE SELECT ON public.submsglist FROM @app; ` +
			`GRANT SELECT (id) ON public.submsglist TO @app;`}},
		{`GRANT DELETE ON subMsgList TO PUBLIC`, []string{`REVOKE DELETE ON public.submsglist FROM PUBLIC;`}},
		{`GRANT SELECT (openid) ON subMsgList TO PUBLIC`, []string{`REVOKE SELECT (openid) ON public.submsglist FROM PUBLIC;`}},
		{`GRANT SELECT (id) ON subMsgList TO @app WITH GRANT OPTION`, []string{`REVOKE GRANT OPTION FOR SELECT (id) ON public.submsglist FROM @app;`}},
		{`GRANT UPDATE ON SEQUENCE subMsgList_id_seq TO @app`, []string{`REVOKE UPDATE ON SEQUENCE public.submsglist_id_seq FROM @app;`}},
		{`GRANT EXECUTE ON FUNCTION subMsgRule_fire() TO PUBLIC`, []string{`REVOKE EXECUTE ON FUNCTION public.submsgrule_fire FROM PUBLIC;`}},
		{`GRANT EXECUTE ON FUNCTION subMsg_wake() TO @app`, []string{`REVOKE EXECUTE ON FUNCTION public.submsg_wake() FROM @app;`}},
		{`GRANT CREATE ON SCHEMA public TO PUBLIC`, []string{`REVOKE CREATE ON SCHEMA public FROM PUBLIC;`}},
		{`CREATE ROLE @clerk; GRANT CREATE ON SCHEMA public TO @clerk`, []string{`REVOKE CREATE ON SCHEMA public FROM @clerk;`}},
		{`GRANT CREATE ON SCHEMA public TO @worker`, []string{`REVOKE CREATE ON SCHEMA public FROM @worker;`}},
		{`CREATE TABLE subMsgLater (a int); GRANT SELECT (a) ON subMsgLater TO @app`, []string{`REVOKE SELECT (a) ON public.submsglater FROM @app;`}},
		{`CREATE FUNCTION subMsgLater(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`, []string{`REVOKE EXECUTE ON FUNCTION public.submsglater(integer) FROM PUBLIC;`}},
		{`ALTER ROLE @app LOGIN CREATEROLE`, []string{`ALTER ROLE @app NOLOGIN NOCREATEROLE;`}},
		{`ALTER ROLE @worker SUPERUSER`, []string{`ALTER ROLE @worker NOSUPERUSER;`}},
		{`ALTER TABLE subMsgPause OWNER TO @admin`, []string{`ALTER TABLE public.submsgpause OWNER TO postgres;`}},
		{`GRANT @worker TO @readonly; GRANT UPDATE ON SEQUENCE subMsgWake TO @readonly`,
			[]string{`REVOKE @worker FROM @readonly;`, `REVOKE UPDATE ON SEQUENCE public.submsgwake FROM @readonly;`}},
	} {
		t.Run(tt.damage, func(t *testing.T) {
			d := &db{d.Conn, t, d.url, d.names}
			d.exec(tt.damage)
			got := d.check()
			for _, want := range tt.want {
				if !slices.Contains(got, d.named(want)) {
					t.Errorf("not told: %s", want)
				}
			}
			tellsMore := strings.Contains(tt.damage, "GRANT @") || strings.Contains(tt.damage, "OWNER")
			if !tellsMore && len(got) != len(tt.want) {
				t.Errorf("told: %q", got)
			}
			d.mend()
		})
	}
}

// mend runs what check tells until it tells nothing: what one line uncovers, the next check tells.
func (d *db) mend() {
	d.t.Helper()
	for range 3 {
		lines := d.check()
		if len(lines) == 0 {
			return
		}
		for _, line := range lines {
			d.exec(line)
		}
	}
	if lines := d.check(); len(lines) > 0 {
		d.t.Errorf("not mended: %q", lines)
	}
}

// What somebody else has put in the place of an object of ours goes, and is made anew.
func TestCheckTellsForeignObjects(t *testing.T) {
	d := newDB(t)
	d.exec(`CREATE ROLE @clerk; GRANT CREATE ON SCHEMA public TO @clerk; ALTER VIEW subMsgRecent OWNER TO @clerk;
		ALTER FUNCTION subMsg_wake() OWNER TO @clerk; REVOKE CREATE ON SCHEMA public FROM @clerk`)
	lines := d.check()
	for _, want := range []string{"DROP VIEW public.submsgrecent CASCADE;",
		"DROP FUNCTION public.submsg_wake() CASCADE;",
		"DROP TRIGGER submsglist_wake_insert ON public.submsglist;"} {
		if !slices.Contains(lines, want+" -- `submsg migrate up` makes it anew") {
			t.Errorf("not told: %s in %q", want, lines)
		}
	}
	for _, line := range lines {
		d.exec(line)
	}
	if err := migrations.Up(t.Context(), d.url); err != nil {
		t.Fatal(err)
	}
	d.exec(d.names.SQL())
	if lines := d.check(); lines != nil {
		t.Errorf("still: %q", lines)
	}
}

// A database that nobody has set up is set up by the lines alone.
func TestCheckFromNothing(t *testing.T) {
	d := newDB(t)
	d.dropRoles()
	if lines := d.check(); !slices.Contains(lines, d.named("CREATE ROLE @app NOLOGIN;")) {
		t.Errorf("no line makes a role: %q", lines)
	}
	d.mend()
}

func TestAnotherSchema(t *testing.T) {
	url := pgtest.Empty(t)
	if err := (migrations.Migrator{URL: url, Schema: "The 店 Shop"}).Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := newDBIn(t, url, "The 店 Shop")
	if lines := d.check(); lines != nil {
		t.Errorf("after the script: %q", lines)
	}
	d.exec(`REVOKE USAGE ON SCHEMA "The 店 Shop" FROM PUBLIC; SET search_path = "The 店 Shop"; SELECT setval('subMsgWake', 1)`)
	if err := d.as("app", `INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`); err != nil {
		t.Error(err)
	}
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
	if err := d.as("admin", `UPDATE subMsgList SET sendStatus = 'cancel'; SELECT FROM subMsgHealth; SELECT FROM submsg_rules()`); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string(nil), d.check()); diff != "" {
		t.Error(diff)
	}
	lacking, err := d.names.Lacking(t.Context(), pgtest.Connect(t, d.login("worker")))
	if err != nil || len(lacking) > 0 {
		t.Errorf("the worker lacks %q, %v", lacking, err)
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		prefix, schema string
		ok             bool
	}{
		{"submsg", "public", true}, {"a1_b", "The Shop", true}, {"submsg", `The "Shop"`, false},
		{"", "public", false}, {"Submsg", "public", false}, {"a'b", "public", false}, {"pg_x", "public", false},
		{strings.Repeat("x", 52), "public", false}, {"submsg", "", false}, {"submsg", "a\nb", false}, {"submsg", strings.Repeat("x", 64), false},
	} {
		if err := (roles.Naming{Prefix: tt.prefix, Schema: tt.schema}).Validate(); (err == nil) != tt.ok {
			t.Errorf("%q, %q: %v", tt.prefix, tt.schema, err)
		}
	}
}

// A database without submsg has nothing to compare.
func TestCheckWithoutSchema(t *testing.T) {
	names := roles.Naming{Prefix: "submsg_nowhere", Schema: "nowhere"}
	if _, err := names.Check(t.Context(), pgtest.Connect(t, pgtest.Empty(t))); err == nil {
		t.Error("no error")
	}
}
