package e2e

import (
	"bytes"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// An administrator of submsg makes rules for the tables that were opened to them, everybody else makes none.
func TestRulesByRole(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	prefix := "submsg_" + strings.ToLower(rand.Text()[:8])
	var out, errs bytes.Buffer
	if code := run([]string{"roles", "--prefix", prefix}, "", &out, &errs); code != command.ExitOK {
		t.Fatalf("roles: exit code %d, %s", code, errs.String())
	}
	admin, reader := prefix+"_admin", prefix+"_readonly"
	psql(t, db, out.String())
	names := strings.Join([]string{prefix + "_app", prefix + "_worker", admin, reader}, ", ")
	defer psql(t, db, "DROP OWNED BY "+names+";\nDROP ROLE "+names+";\n")
	psql(t, db, `CREATE SCHEMA shop;
CREATE TABLE shop.refunds (id bigint PRIMARY KEY, buyer text, goods text, amount numeric, state text, note text, secret text, notify boolean);
CREATE TABLE shop.salaries (LIKE shop.refunds INCLUDING ALL);
INSERT INTO shop.refunds (id, buyer, goods, amount, state, note) VALUES (7, 'o1', '拿铁', 1, '已退款', '谢谢');
GRANT USAGE ON SCHEMA shop TO `+admin+`, `+reader+`;
GRANT TRIGGER, UPDATE, SELECT (id, buyer, goods, amount, state, note, notify) ON shop.refunds TO `+admin+`;
GRANT SELECT ON shop.refunds TO `+reader+`;
`)
	add := func(table, remark string) []string {
		return []string{"add", table, "--name=refunds", "--template=orderStatus", "--openid=buyer", "--flag=notify",
			"--param=goods", "--param=amount", "--param=state", "--param=" + remark}
	}
	for _, tt := range []struct {
		name, role string
		args       []string
		code       int
		words      string
	}{
		{"a column that isn't the admin's", admin, add("shop.refunds", "secret"), command.ExitFailed, "may not read column secret of shop.refunds"},
		{"a table that isn't the admin's", admin, add("shop.salaries", "note"), command.ExitFailed, "shop.salaries"},
		{"a table that is", admin, add("shop.refunds", "note"), command.ExitOK, "the user in buyer gets orderStatus"},
		{"the list", admin, []string{"list"}, command.ExitOK, "refunds"},
		{"the reader's list", reader, []string{"list"}, command.ExitOK, "refunds"},
		{"the reader's rule", reader, add("shop.refunds", "note"), command.ExitFailed, "permission denied"},
		{"the reader's removal", reader, []string{"remove", "refunds", "--yes"}, command.ExitFailed, "permission denied"},
		{"the admin's own rows", admin, []string{"replay", "refunds"}, command.ExitOK, "nothing was missed"},
		{"the admin's removal", admin, []string{"remove", "refunds", "--yes"}, command.ExitOK, "rule refunds removed"},
	} {
		if !t.Run(tt.name, func(t *testing.T) {
			p := start(t, []string{"DATABASE_URL=" + asRole(t, db, tt.role)}, append([]string{"rules"}, tt.args...)...)
			if code := p.exit(); code != tt.code || !strings.Contains(p.out.String()+p.err.String(), tt.words) {
				t.Errorf("exit code %d, %s%s\nwant %d, %q", code, p.out.String(), p.err.String(), tt.code, tt.words)
			}
		}) {
			return
		}
	}
}

// asRole is the URL of a connection that has only a role's rights.
func asRole(t *testing.T, db, role string) string {
	t.Helper()
	u, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("role", role)
	u.RawQuery = q.Encode()
	return u.String()
}
