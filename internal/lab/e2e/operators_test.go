package e2e

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// Two replicas at work: status sees both and what failed, show says why, and once the users have subscribed retry
// sends.
func TestOperators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.serve()
	w.insertPeople(20) // who have accepted nothing
	eventually(t, "all refused", func() bool { return w.count("fail") == 20 })
	psql(t, w.db, "INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ('"+person(77)+
		"', 'orderStatus', '{拿铁,十九,已发货,谢谢}');")
	w.await(person(77), "fail")

	says := func(code int, want []string, args ...string) {
		t.Helper()
		got, out, errs := w.run(args...)
		for _, words := range want {
			if !strings.Contains(out+errs, words) {
				t.Errorf("submsg %s doesn't say %q:\n%s%s", strings.Join(args, " "), words, out, errs)
			}
		}
		if got != code {
			t.Errorf("submsg %s: exit code %d, want %d: %s", strings.Join(args, " "), got, code, errs)
		}
	}
	eventually(t, "two listeners", func() bool {
		_, out, _ := w.run("status")
		return strings.Contains(out, "2 listening")
	})
	says(command.ExitOK, []string{"waiting       0", "sending       0", "fail 21", "│       20 │ fail   │ 43101",
		"the user has not accepted this", "a value does not fit the template"}, "status")
	says(command.ExitOK, []string{"errcode 43101", "let the user subscribe again", "submsg retry --id 1"}, "show", "1")
	w.post("/_fake/grants", `{"openid":"*","templateId":"*","count":-1}`, nil)
	says(command.ExitOK, []string{"messages found: 20 (20 fail); the newest 10:", "messages set to wait: 20"}, "retry",
		"--errcode=43101", "--yes")
	eventually(t, "all sent", func() bool { return w.count("success") == 20 })
	says(command.ExitOK, []string{"success 20"}, "status")
	if n := w.count("fail"); n != 1 {
		t.Errorf("%d failures left, want the one whose value is wrong", n)
	}
	w.exactlyOnce(0)
}

// What each role may see and do; whoever may not is told so, and nothing has happened.
func TestOpsByRole(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	prefix := "submsg_" + strings.ToLower(rand.Text()[:8])
	var out, errs bytes.Buffer
	if code := run([]string{"roles", "--prefix", prefix}, "", &out, &errs); code != command.ExitOK {
		t.Fatalf("roles: exit code %d, %s", code, errs.String())
	}
	admin, reader, worker := prefix+"_admin", prefix+"_readonly", prefix+"_worker"
	psql(t, db, out.String())
	names := strings.Join([]string{prefix + "_app", worker, admin, reader}, ", ")
	defer psql(t, db, "DROP OWNED BY "+names+";\nDROP ROLE "+names+";\n")
	psql(t, db, trouble)
	for _, tt := range []struct {
		name, role, args string
		code             int
		words            string
	}{
		{"the admin's status", admin, "status", command.ExitOK, "failures of the last hour"},
		{"the reader's status", reader, "status", command.ExitOK, "failures of the last hour"},
		{"the worker's", worker, "status", command.ExitFailed, "permission denied"},
		{"the reader's list", reader, "list", command.ExitFailed, "permission denied"},
		{"the admin's list", admin, "list", command.ExitOK, "oE2E***0002"},
		{"the admin's story", admin, "show 9", command.ExitOK, "WeChat has stopped"},
		{"the worker's change", worker, "retry --errcode=43101 --yes", command.ExitFailed, "permission denied"},
		{"the admin's dry run", admin, "cancel --status=wait --dry-run", command.ExitOK, "nothing was changed"},
		{"the admin's retry", admin, "retry --errcode=43101 --yes", command.ExitOK, "messages set to wait: 2"},
		{"the admin's cancel", admin, "cancel --id=2,3 --yes", command.ExitOK, "messages called off: 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, []string{"DATABASE_URL=" + asRole(t, db, tt.role)}, strings.Fields(tt.args)...)
			if code := p.exit(); code != tt.code || !strings.Contains(p.out.String()+p.err.String(), tt.words) {
				t.Errorf("exit code %d, %s%s\nwant %d, %q", code, p.out.String(), p.err.String(), tt.code, tt.words)
			}
		})
	}
}
