package e2e

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/roles"
)

// What the READMEs say about roles: each of them does its work with these rights, and without one of them it can't.
func TestRoles(t *testing.T) {
	const insert = `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('o1', 'orderStatus', '{a}')`
	for _, tt := range []struct {
		name, grants string
		can, cannot  []string
	}{
		{
			"an application", `INSERT ON subMsgList`,
			[]string{insert, insert + ` ON CONFLICT DO NOTHING`},
			[]string{insert + ` RETURNING id`, insert + ` ON CONFLICT (dedupKey) WHERE dedupKey IS NOT NULL DO NOTHING`, `UPDATE subMsgList SET sendStatus = 'cancel'`, `SELECT FROM orders`},
		},
		{
			"an application that reads", `INSERT, SELECT ON subMsgList`,
			[]string{insert + ` RETURNING id`, insert + ` ON CONFLICT (dedupKey) WHERE dedupKey IS NOT NULL DO NOTHING`},
			[]string{`UPDATE subMsgList SET sendStatus = 'cancel'`},
		},
		{
			"an administrator", `INSERT, SELECT, UPDATE ON subMsgList`,
			[]string{insert, `UPDATE subMsgList SET sendStatus = 'cancel' WHERE id = 1`, `UPDATE subMsgList SET sendStatus = 'wait' WHERE id = 1`},
			[]string{`DELETE FROM subMsgList`},
		},
		{
			"an order clerk", `SELECT, UPDATE ON orders`,
			[]string{`UPDATE orders SET isSendMsg = true WHERE id = 1`},
			[]string{insert, `SELECT FROM subMsgList`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), pgtest.DB(t))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			role := strings.ToLower(conn.Config().Database) // as unique as the database: roles are the server's
			must := func(sql string) {
				t.Helper()
				if _, err := conn.Exec(t.Context(), sql); err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}
			must(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'a', 'b', 1, 2)`)
			must(insert)
			must(`SELECT setval('subMsgWake', 1)`) // a consumer sleeps: the wake is a part of their work
			must(`CREATE ROLE ` + role)
			defer must(`RESET ROLE; DROP OWNED BY ` + role + `; DROP ROLE ` + role)
			must(`GRANT ` + tt.grants + ` TO ` + role)
			must(`SET ROLE ` + role)
			for _, sql := range tt.can {
				must(sql)
			}
			for _, sql := range tt.cannot {
				if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") {
					t.Errorf("%s: error %v, want permission denied", sql, err)
				}
			}
		})
	}
}

// Where the login lacks a right that an upgrade has added, serve doesn't start, and migrate up has said why.
func TestLackingRights(t *testing.T) {
	db := pgtest.DB(t)
	conn, err := pgx.Connect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	prefix := strings.ToLower(conn.Config().Database)
	names := roles.Naming{Prefix: prefix, Schema: "public"}
	login := prefix + "_serve"
	psql(t, db, names.SQL()+`; CREATE ROLE `+login+` IN ROLE `+prefix+`_worker; REVOKE SELECT (traceparent) ON subMsgList FROM `+prefix+`_worker`)
	defer func() {
		all := strings.Join([]string{prefix + "_app", prefix + "_worker", prefix + "_admin", prefix + "_readonly",
			login}, ", ")
		psql(t, db, `DROP OWNED BY `+all+`; DROP ROLE `+all)
	}()
	got := submsg(t, db, "", "", "migrate", "up", "--prefix="+prefix)
	if !strings.Contains(got, "run what `submsg roles` prints") || !strings.Contains(got, "exit code 0") {
		t.Errorf("%s", got)
	}
	got = submsg(t, db+"&options=-c%20role%3D"+login, "", "", "serve", "--http-addr=off",
		"--wechat-appid=wx0123456789abcdef", "--wechat-secret=s", "--wechat-url=http://127.0.0.1:1")
	if !strings.Contains(got, login+" lacks 1 rights that serve needs: SELECT (traceparent) ON public.subMsgList; ") ||
		!strings.Contains(got, "exit code 1") {
		t.Errorf("%s", got)
	}
	psql(t, db, names.SQL())
	if got := submsg(t, db, "", "", "migrate", "up", "--prefix="+prefix); strings.Contains(got, "roles") {
		t.Errorf("with all rights: %s", got)
	}
}

// A rule that can't be applied leaves a warning and a row, and the order is updated all the same.
func TestBrokenRule(t *testing.T) {
	for _, tt := range []struct{ name, breakIt string }{
		{"no such column", `ALTER TABLE orders DROP name`},
		{"the message is refused", `UPDATE orders SET openid = ''`},
		{"nor can the error be stored", `ALTER TABLE orders DROP name; DROP TABLE subMsgRuleError CASCADE`},
		{"the rules are gone", `DROP TABLE subMsgRule CASCADE`},
		{"the messages are gone", `DROP TABLE subMsgList CASCADE`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, err := pgx.ParseConfig(pgtest.DB(t))
			if err != nil {
				t.Fatal(err)
			}
			warnings := 0
			config.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) { warnings++ }
			conn, err := pgx.ConnectConfig(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			for _, sql := range []string{
				`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'a', 'b', 1, 2)`,
				tt.breakIt,
				`UPDATE orders SET status = 'paid', isSendMsg = true`,
			} {
				if _, err := conn.Exec(t.Context(), sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			var status string
			if err := conn.QueryRow(t.Context(), `SELECT status FROM orders`).Scan(&status); err != nil || status != "paid" {
				t.Errorf("the order is %q, error %v", status, err)
			}
			if warnings == 0 {
				t.Error("no warning")
			}
		})
	}
}
