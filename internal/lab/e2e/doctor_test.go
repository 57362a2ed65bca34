package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/doctor"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what was printed with testdata/doctor/NAME.golden.
func golden(t *testing.T, got string, path ...string) {
	t.Helper()
	file := filepath.Join(append([]string{"testdata"}, path...)...)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is out of date; look at the difference, then go test ./internal/lab/e2e -run %s -update (-golden "+
			"+printed):\n%s", file, t.Name(), diff)
	}
}

// examined is a database, and a WeChat that has the shipped templates.
type examined struct {
	t    *testing.T
	conn *pgx.Conn
	url  string
	fake *httptest.Server
}

func newExamined(t *testing.T) *examined {
	t.Helper()
	p := &examined{t: t, url: pgtest.DB(t)}
	p.fake = httptest.NewServer(fakewechat.New(fakewechat.Options{AppID: "wx0123456789abcdef",
		Secret: secretMark + "OfDoctors", Templates: fields.Shipped}))
	t.Cleanup(p.fake.Close)
	var err error
	if p.conn, err = pgx.Connect(t.Context(), p.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.conn.Close(context.Background()) })
	return p
}

func (p *examined) exec(sql string) {
	p.t.Helper()
	if _, err := p.conn.Exec(p.t.Context(), sql); err != nil {
		p.t.Fatalf("%s: %v", sql, err)
	}
}

func (p *examined) fault(body string) {
	p.t.Helper()
	answer, err := p.fake.Client().Post(p.fake.URL+"/_fake/faults", "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	answer.Body.Close()
}

// alike is what differs between servers and runs.
var alike = []struct {
	expr *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`PostgreSQL \d[^\n"]*`), "PostgreSQL NN"},
	{regexp.MustCompile(`(schema +version) \d+`), "$1 NN"},
	{regexp.MustCompile(`[^\s"]+ at \S+, database \w+`), "LOGIN at HOST, database DB"},
	{regexp.MustCompile(`\w+ is a superuser`), "LOGIN is a superuser"},
	{regexp.MustCompile(`(?:warn|ok  )( +commits +synchronous_commit is )[^\n]*`), "----$1…"},
	{regexp.MustCompile(`\d+ dead rows beside \d+ live ones, (never vacuumed|vacuumed \S+ ago)`), "DEAD ROWS"},
	{regexp.MustCompile(`rid: [0-9a-f-]+`), "rid: …"},
}

// doctor runs the command with this WeChat and more flags. A test server has no autovacuum.
func (p *examined) doctor(url string, flags ...string) (code int, out, errs string) {
	p.t.Helper()
	args := append([]string{"doctor", "--database-url=" + url, "--wechat-appid=wx0123456789abcdef",
		"--wechat-secret=" + secretMark + "OfDoctors",
		"--wechat-url=" + p.fake.URL, "--prefix=submsg_nowhere", "--skip=autovacuum"}, flags...)
	var o, e bytes.Buffer
	code = run(args, "", &o, &e)
	for _, leak := range leaks(o.String() + e.String()) {
		p.t.Errorf("it printed %s", leak)
	}
	out = o.String()
	for _, a := range alike {
		out = a.expr.ReplaceAllString(out, a.with)
	}
	return code, out, e.String()
}

func (p *examined) check(name string, wantCode int, wantErr string, flags ...string) {
	p.t.Helper()
	code, out, errs := p.doctor(p.url, flags...)
	if code != wantCode || errs != wantErr {
		p.t.Errorf("exit code %d, %q; want %d, %q", code, errs, wantCode, wantErr)
	}
	golden(p.t, out, "doctor", name+".golden")
}

func TestDoctorWell(t *testing.T) {
	newExamined(t).check("well", command.ExitOK, "")
}

// A schema that is newer and compatible is well. What its roles need, this submsg can't know.
func TestDoctorBesideANewerSubmsg(t *testing.T) {
	p := newExamined(t)
	setSchema(t, p.url, 99, migrations.Latest())
	_, out, _ := p.doctor(p.url, "--skip=account")
	for _, want := range []string{
		fmt.Sprintf(`ok      schema         version NN, newer than this submsg's %d and compatible`, migrations.Latest()),
		`skipped roles          because the schema is a newer submsg's, which knows its rights`,
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

func TestDoctorIll(t *testing.T) {
	p := newExamined(t)
	p.exec(`ALTER TABLE subMsgList DISABLE TRIGGER submsglist_wake_insert; DROP TRIGGER submsgpause_wake ON subMsgPause;
		ALTER TABLE orders DISABLE TRIGGER "~submsg"`)
	p.fault(`{"kind":"errcode","errcode":40164,"path":"` + fakewechat.StableTokenPath + `","count":-1}`)
	p.check("ill", command.ExitFailed, "submsg: 4 of 20 checks failed\n", "--listen-url="+pgtest.Empty(t))
}

// Whoever else has a say in the schema is told, with the statements that end it.
func TestDoctorForeign(t *testing.T) {
	p := newExamined(t)
	clerk := "clerk_" + p.conn.Config().Database[:20]
	p.exec(`CREATE ROLE ` + clerk + `; GRANT CREATE ON SCHEMA public TO PUBLIC; SET ROLE ` + clerk + `; CREATE FUNCTION submsg_test(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE`)
	t.Cleanup(func() { p.conn.Exec(context.Background(), `DROP OWNED BY `+clerk+`; DROP ROLE `+clerk) })
	_, out, _ := p.doctor(p.url, "--skip=account", "--skip=wake")
	want := "fail    foreign        PUBLIC may make objects in schema public, the function submsg_test(integer) " +
		"belongs to " + clerk + ": submsg may run what they put there → REVOKE CREATE ON SCHEMA public FROM PUBLIC; " +
		"DROP FUNCTION submsg_test(integer) CASCADE; then submsg migrate up\n"
	if want = strings.ReplaceAll(want, "submsg_test(", "public.submsg_test("); !strings.Contains(out, want) {
		t.Errorf("no %s in\n%s", want, out)
	}
	p.exec(`REVOKE USAGE ON SCHEMA public FROM PUBLIC`)
	_, out, _ = p.doctor(p.url+"&options=-c%20role%3D"+clerk, "--skip=account", "--schema=public")
	if !strings.Contains(out, "GRANT USAGE ON SCHEMA public TO "+clerk) {
		t.Errorf("the missing USAGE isn't told:\n%s", out)
	}
}

// What keeps messages waiting: a person's decision fails, WeChat's warns.
func TestDoctorPauses(t *testing.T) {
	p := newExamined(t)
	for _, tt := range []struct{ name, pause, want string }{
		{"a template", `('t', 'banned', now())`, `(?m)^warn    pauses         1 stand, their messages wait → submsg status says why$`},
		{"all, by WeChat", `('*', 'the quota', now())`, `(?m)^warn    pauses         2 stand`},
		{"all, in a copy", `('*', '副本 (a copy)', 'infinity')`, `(?m)^fail    pauses         nothing is sent: 副本 \(a copy\) → .*DELETE FROM subMsgPause`},
	} {
		p.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ` + tt.pause + ` ON CONFLICT (templateId) DO UPDATE SET reason = excluded.reason, probeAt = excluded.probeAt`)
		if _, out, _ := p.doctor(p.url, "--skip=account",
			"--skip=wake"); !regexp.MustCompile(tt.want).MatchString(out) {
			t.Errorf("%s: no %s in\n%s", tt.name, tt.want, out)
		}
	}
}

// What is missing is said, and the rest is examined.
func TestDoctorWithPartsMissing(t *testing.T) {
	t.Run("no schema, no account, no listener", func(t *testing.T) {
		p := newExamined(t)
		p.exec(`DROP TABLE submsg_schema_migrations`)
		p.check("missing", command.ExitFailed, "submsg: 1 of 20 checks failed\n", "--wechat-secret=",
			"--listen-url=off")
	})
	t.Run("no database", func(t *testing.T) {
		p := newExamined(t)
		code, out, _ := p.doctor("postgres://nobody@127.0.0.1:1/nothing?sslmode=disable", "--skip=account")
		if code != command.ExitFailed || !regexp.MustCompile(`(?m)^fail    connection .*127\.0\.0\.1`).MatchString(out) ||
			strings.Count(out, "\nskipped ") != 17 || strings.Count(out, "\nok ") != 2 {
			t.Errorf("exit code %d:\n%s", code, out)
		}
	})
}

func TestDoctorTemplates(t *testing.T) {
	dir := t.TempDir()
	text := repoFile(t, "templates/orderStatus.yaml")
	p := newExamined(t)
	for _, tt := range []struct{ name, old, new, want string }{
		{"a key of another type", "thing2:", "name2:", `fail    account        WeChat would refuse messages of 1 of 1 templates → submsg templates check --remote says what`},
		{"a key too many", "thing2:", "thing99: x\n  thing2:", `warn    account        WeChat's templates differ from the files in 1 points, and take their messages → submsg templates check --remote says what`},
		{"a mistake", "thing2:", "thong2:", `skipped account        because it needs the check "templates" to be well`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(strings.Replace(text, tt.old, tt.new, 1)),
				0o600); err != nil {
				t.Fatal(err)
			}
			if _, out, _ := p.doctor(p.url, "--templates="+dir); !strings.Contains(out, tt.want+"\n") {
				t.Errorf("no %s in\n%s", tt.want, out)
			}
		})
	}
}

// A login that `submsg roles` knows nothing of is told what it lacks; one of its own may do all.
func TestDoctorLogins(t *testing.T) {
	p := newExamined(t)
	prefix := strings.ToLower(p.conn.Config().Database)
	var script bytes.Buffer
	if code := run([]string{"roles", "--prefix", prefix}, "", &script, &script); code != command.ExitOK {
		t.Fatal(script.String())
	}
	if out, err := tryPsql(t, p.url, script.String()); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.exec(fmt.Sprintf(`CREATE ROLE %[1]s_in LOGIN PASSWORD 'secret' IN ROLE %[1]s_worker; CREATE ROLE %[1]s_out LOGIN PASSWORD 'secret';
		GRANT SELECT ON submsg_schema_migrations TO %[1]s_out`, prefix))
	defer p.exec(fmt.Sprintf(`DROP OWNED BY %[1]s_app, %[1]s_worker, %[1]s_admin, %[1]s_readonly, %[1]s_in, %[1]s_out;
		DROP ROLE %[1]s_in, %[1]s_out, %[1]s_app, %[1]s_worker, %[1]s_admin, %[1]s_readonly`, prefix))
	as := func(login string, wants ...string) {
		t.Helper()
		u, err := url.Parse(p.url)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(prefix+login, "secret")
		_, out, _ := p.doctor(u.String(), "--prefix="+prefix, "--skip=account")
		for _, want := range wants {
			if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(out) {
				t.Errorf("%s: no %s in\n%s", login, want, out)
			}
		}
	}
	as("_in", `ok      login          \S+_in has what serve needs`, `ok      roles          as submsg roles has them`, `ok      wake .*`,
		`skipped rules          because the login may not look: .*`,
		`skipped xmin           because other users' transactions can't be seen → GRANT pg_read_all_stats TO \S+_in`)
	as("_out", `fail    login          \S+_out lacks \d+ rights that serve needs: .*SELECT \(id\) ON public.subMsgList.*, … \(\d+\) → run what submsg roles prints, then GRANT \S+_worker TO \S+_out`)
	p.exec(`GRANT UPDATE (openid) ON subMsgList TO ` + prefix + `_worker`)
	as("_in", `warn    roles          their rights differ in 1 points from what submsg roles gives → .*`)
}

func TestDoctorJSON(t *testing.T) {
	p := newExamined(t)
	code, out, errs := p.doctor(p.url, "--json", "--skip=wake", "--skip=account")
	var findings []doctor.Finding
	if err := json.Unmarshal([]byte(out), &findings); err != nil || code != command.ExitOK || errs != "" {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
	levels := map[string]doctor.Level{}
	for _, f := range findings {
		levels[f.Check] = f.Level
	}
	if len(levels) != 20 || levels["wake"] != doctor.Skipped || levels["account"] != doctor.Skipped ||
		levels["token"] != doctor.OK || levels["login"] != doctor.Warn {
		t.Errorf("%v", levels)
	}
	if code, _, errs := p.doctor(p.url, "--skip=nothing"); code != command.ExitUsage || !strings.Contains(errs, `no check "nothing"`) {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
