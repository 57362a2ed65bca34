package e2e

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// The script is printed without a database, psql runs it, and the check tells what is missing before and after.
func TestRolesCommand(t *testing.T) {
	url := pgtest.DB(t)
	prefix := "submsg_" + strings.ToLower(rand.Text()[:8])
	roles := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run(append([]string{"roles", "--prefix", prefix}, args...), "", &out, &errs)
		return code, out.String(), errs.String()
	}
	check := func(wantCode int, wantOut, wantErr string) {
		t.Helper()
		code, out, errs := roles("--check", "--database-url", url)
		if code != wantCode || !strings.Contains(out, wantOut) || wantOut == "" && out != "" ||
			!strings.Contains(errs, wantErr) {
			t.Errorf("exit code %d, %q, %q; want %d, %q, %q", code, out, errs, wantCode, wantOut, wantErr)
		}
	}
	conn, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}

	check(command.ExitFailed, "CREATE ROLE "+prefix+"_app NOLOGIN;\n", "run the lines printed, and check again")
	code, script, errs := roles()
	if code != command.ExitOK || errs != "" {
		t.Fatalf("exit code %d, %q", code, errs)
	}
	if out, err := tryPsql(t, url, script); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	names := strings.Join([]string{prefix + "_app", prefix + "_worker", prefix + "_admin", prefix + "_readonly"}, ", ")
	defer exec("DROP OWNED BY " + names + "; DROP ROLE " + names)
	check(command.ExitOK, "", "")
	exec("GRANT UPDATE (openid) ON subMsgList TO " + prefix + "_worker")
	check(command.ExitFailed, "REVOKE UPDATE (openid) ON public.submsglist FROM "+prefix+"_worker;\n", "in 1 point")
	exec("REVOKE UPDATE (openid) ON subMsgList FROM " + prefix + "_worker")

	for _, wrong := range [][]string{{"--prefix", "Sub Msg"}, {"--schema", ""},
		{"--check", "--database-url", "nonsense"}} {
		if code, _, errs := roles(wrong...); code != command.ExitUsage || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q", wrong, code, errs)
		}
	}
	if code, _, errs := roles("--check", "--schema", "nowhere", "--database-url", url); code != command.ExitFailed ||
		!strings.Contains(errs, "no submsg schema") {
		t.Errorf("a schema that isn't there: exit code %d, %q", code, errs)
	}
}
