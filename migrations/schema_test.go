package migrations_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// in connects with a schema alone on the path, as every program of ours does that is told one.
func in(t *testing.T, url, schema string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	must(t, err)
	config.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
	conn, err := pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// trip is an order of the example that becomes a message, and a person who sends it again.
func trip(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	exec(t, conn, `INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1, 2)`)
	exec(t, conn, `UPDATE orders SET isSendMsg = true`)
	exec(t, conn, `UPDATE subMsgList SET sendStatus = 'cancel'`)
	exec(t, conn, `UPDATE subMsgList SET sendStatus = 'wait'`)
	if n := one[int](t, conn, `SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait'`); n != 1 {
		t.Errorf("%d messages wait", n)
	}
	if n := one[int](t, conn, `SELECT count(*) FROM subMsgRuleError`); n != 0 {
		t.Errorf("%d errors of rules", n)
	}
	one[int](t, conn, `SELECT (SELECT count(*) FROM subMsgRecent) + (SELECT count(*) FROM subMsgHealth) + (SELECT count(*) FROM submsg_rules())`)
}

// In whatever schema: the same objects, and all of them work.
func TestAnySchema(t *testing.T) {
	t.Parallel()
	plain := connect(t, pgtest.DB(t))
	trip(t, plain)
	want := snapshotOf(t, plain)
	long := strings.Repeat("x", 63)
	for _, schema := range []string{
		"submsg", "Shop", "my shop", "消息", "select", "a.b", "a-b;c", " x ", "PUBLIC", long,
	} {
		t.Run(schema, func(t *testing.T) {
			url := pgtest.Empty(t)
			migrator := migrations.Migrator{URL: url, Schema: schema, Orders: true}
			must(t, migrator.Up(t.Context()))
			conn := in(t, url, schema)
			must(t, migrations.Check(t.Context(), conn))
			trip(t, conn)
			quoted := one[string](t, conn, `SELECT quote_ident(current_schema())`)
			asPublic := func(lines []string) (all []string) { // a name of ours may begin with the schema's, in both
				for _, line := range lines {
					line = strings.ReplaceAll(line, quoted+".", "public.")
					all = append(all, strings.ReplaceAll(line, "'"+quoted+"'::regnamespace", "'public'::regnamespace"))
				}
				return slices.Sorted(slices.Values(all))
			}
			if diff := cmp.Diff(asPublic(want), asPublic(snapshotOf(t, conn))); diff != "" {
				t.Errorf("differs from public (-public +%s):\n%s", schema, diff)
			}
			must(t, migrator.Down(t.Context(), -1))
			if left := snapshotOf(t, conn); len(left) > 0 {
				t.Errorf("left after down: %q", left)
			}
		})
	}
}

func TestSchemaNames(t *testing.T) {
	t.Parallel()
	server := pgtest.Empty(t)
	for _, schema := range []string{"a'b", `a"b`, `a\b`, "a$b", "a%b", "a\nb", "a\x00b", "a\u202eb", "a\u00a0b",
		"pg_x", " ", "\t", strings.Repeat("x", 64), strings.Repeat("消", 22), "\xff"} {
		if err := migrations.CheckSchema(schema); err == nil {
			t.Errorf("%q is taken", schema)
		}
		wantError(t, migrations.Migrator{URL: server, Schema: schema}.Up(t.Context()), "schema")
	}
	if err := migrations.CheckSchema(""); err == nil {
		t.Error("no name is taken")
	}
}

// Who names no schema gets the first of the login's path, where there is one.
func TestSchemaOfTheLogin(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	conn := connect(t, url)
	exec(t, conn, `CREATE SCHEMA "Shop"; ALTER DATABASE `+pgx.Identifier{conn.Config().Database}.Sanitize()+` SET search_path = nowhere, "Shop", public`)
	must(t, migrations.Migrator{URL: url, Orders: true}.Up(t.Context()))
	shop := connect(t, url)
	must(t, migrations.Check(t.Context(), shop))
	exec(t, shop, `SET search_path = pg_catalog;
		INSERT INTO "Shop".orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1, 2);
		UPDATE "Shop".orders SET isSendMsg = true`)
	if n := one[int](t, shop, `SELECT count(*) FROM "Shop".subMsgList`); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	for path, words := range map[string]string{"": "names no schema", "nowhere": "names no schema",
		`pg_catalog`: "Postgres's own"} {
		exec(t, conn, `ALTER DATABASE `+pgx.Identifier{conn.Config().Database}.Sanitize()+` SET search_path = '`+path+`'`)
		wantError(t, migrations.Up(t.Context(), url), words)
	}
}

// Two installations in one database know nothing of each other.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	for _, schema := range []string{"one", "two"} {
		must(t, migrations.Migrator{URL: url, Schema: schema, Orders: true}.Up(t.Context()))
	}
	first, second := in(t, url, "one"), in(t, url, "two")
	trip(t, first)
	if n := one[int](t, second, `SELECT count(*) FROM subMsgList`); n != 0 {
		t.Errorf("%d messages of the first are in the second", n)
	}
	must(t, migrations.Migrator{URL: url, Schema: "one"}.Down(t.Context(), -1))
	wantMismatch(t, migrations.Check(t.Context(), first), 0, "no submsg schema yet")
	must(t, migrations.Check(t.Context(), second))
	trip(t, second)
}

// An owner needs no more than a schema that he may make objects in, or the right to make one; what lacks is said.
func TestOwnerWithoutSuperuser(t *testing.T) {
	t.Parallel()
	there := pgtest.Empty(t)
	super := connect(t, there)
	login := super.Config().Database + "_owner"
	exec(t, super, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC`, login))
	defer super.Exec(context.Background(), fmt.Sprintf(`DROP OWNED BY %[1]s CASCADE; DROP ROLE %[1]s`, login))
	as, err := url.Parse(there)
	must(t, err)
	as.User = url.UserPassword(login, "secret")
	up := func(schema string) error {
		return migrations.Migrator{URL: as.String(), Schema: schema, Orders: true}.Up(t.Context())
	}
	wantError(t, up("mine"), "CREATE SCHEMA mine AUTHORIZATION "+login+", or GRANT CREATE ON DATABASE ")
	wantError(t, up("public"),
		"ALTER SCHEMA public OWNER TO "+login+", or name another schema with --schema")
	exec(t, super, `GRANT CREATE ON DATABASE `+pgx.Identifier{super.Config().Database}.Sanitize()+` TO `+login)
	must(t, up("mine"))
	trip(t, in(t, as.String(), "mine"))
	exec(t, super, `CREATE SCHEMA given AUTHORIZATION `+login)
	must(t, up("given"))
	trip(t, in(t, as.String(), "given"))
	must(t, migrations.Migrator{URL: as.String(), Schema: "given"}.Down(t.Context(), -1))
}

// A schema that isn't there has nothing to take back.
func TestDownWithoutSchema(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	must(t, migrations.Migrator{URL: url, Schema: "nowhere"}.Down(t.Context(), -1))
	if n := one[int](t, connect(t, url), `SELECT count(*) FROM pg_namespace WHERE nspname = 'nowhere'`); n != 0 {
		t.Error("the schema was made")
	}
}
