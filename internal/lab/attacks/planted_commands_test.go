package attacks

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// withoutDatabase are the commands that read no database, or only one of their own making.
var withoutDatabase = []string{"demo", "accounts list", "accounts check", "templates list", "templates check",
	"templates show", "templates pull", "fakewechat", "postgres", "healthcheck", "bench", "version"}

// lines are what is typed, in this order, for every command that reads the database.
var lines = []struct {
	command string
	args    []string
	code    int
}{
	{"migrate status", nil, 0},
	{"migrate up", nil, 0},
	{"send", []string{"--wait=0", "oABC", "orderStatus", "a", "1", "b", "c"}, 0},
	{"send", []string{"--wait=1ms", "oABC", "orderStatus", "a", "1", "b", "c"}, 1},
	{"status", nil, 0},
	{"status", []string{"--json"}, 0},
	{"list", nil, 0},
	{"list", []string{"--json", "--status=wait", "--template=orderStatus", "--older=1ms", "--openid=oABC"}, 0},
	{"list", []string{"--status=fail", "--newer=1h", "--errcode=43101"}, 0},
	{"list", []string{"--status=sending"}, 0},
	{"show", []string{"1"}, 0},
	{"show", []string{"--json", "2"}, 0},
	{"cancel", []string{"--yes", "--id=1"}, 0},
	{"cancel", []string{"--yes", "--template=orderStatus"}, 0},
	{"retry", []string{"--yes", "--id=1"}, 0},
	{"retry", []string{"--yes", "--status=cancel"}, 0},
	{"rules add", []string{"public.sales", "--template=orderStatus", "--openid=buyer", "--flag=notify", "--name=sale",
		"--param=thing", "--param=amount", "--param=state", "--param==x"}, 0},
	{"rules list", nil, 0},
	{"rules show", []string{"sale"}, 0},
	{"rules test", []string{"public.sales"}, 0},
	{"rules replay", nil, 0},
	{"rules remove", []string{"--yes", "sale"}, 0},
	{"roles", []string{"--check", "--prefix=submsg_nowhere"}, 1},
	{"doctor", []string{"--skip=autovacuum", "--skip=roles"}, 0},
	{"serve", nil, 0},
	{"migrate down", []string{"1"}, 0},
}

// commands are the leaves of the command tree.
func commands(node *kong.Node) (leaves []string) {
	if len(node.Children) == 0 {
		return []string{strings.TrimPrefix(node.Path(), "submsg ")}
	}
	for _, child := range node.Children {
		leaves = append(leaves, commands(child)...)
	}
	return leaves
}

const salesSQL = `
CREATE TABLE public.sales (id int PRIMARY KEY, buyer text, thing text, amount numeric, state text, notify boolean NOT NULL DEFAULT false);
INSERT INTO public.sales VALUES (1, 'oABC', 'tea', 1.5, 'paid')`

// Nothing that others have put into submsg's schema, or into another one of the login's own search_path, is run by any
// command: no function or operator that fits better than Postgres's own, and no table of a name of ours.
func TestPlantedForCommands(t *testing.T) {
	t.Parallel()
	leaves := commands(command.Parser(new(command.Commands)).Model.Node)
	for _, leaf := range leaves {
		if !slices.Contains(withoutDatabase, leaf) && !slices.ContainsFunc(lines, func(l struct {
			command string
			args    []string
			code    int
		}) bool {
			return l.command == leaf
		}) {
			t.Errorf("what does submsg %s read?", leaf)
		}
	}
	for _, tt := range []struct {
		name, schema string
		plant        func(v *victim)
	}{
		{"in the schema", "public", func(v *victim) {
			v.plantOverloads("public", calls(sources(v.t, true)))
			v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk`) // or migrate up says so
		}},
		{"before it on the path", "box", func(v *victim) {
			for _, name := range ours(v.t, ourRelationsSQL) {
				v.asClerk(`SET search_path = public;` + fmt.Sprintf(plants[1].sql, name))
			}
			v.exec(`CREATE SCHEMA postgres AUTHORIZATION @clerk`) // the login's "$user"
			for _, schema := range []string{"public", "postgres"} {
				v.plantOverloads(schema, calls(sources(v.t, true)))
			}
			v.exec(`ALTER DATABASE ` + pgx.Identifier{v.Config().Database}.Sanitize() + ` SET search_path = "$user", public, box`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, pgtest.Empty(t))
			v.exec(`REVOKE CREATE ON SCHEMA public FROM @clerk`)
			if err := (migrations.Migrator{URL: v.url, Schema: tt.schema}).Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			v.exec(`GRANT CREATE ON SCHEMA public TO @clerk`)
			v.exec(salesSQL)
			tt.plant(v)
			v.exec(`SET search_path = pg_catalog`)
			for _, l := range lines {
				v.runs(l.command, l.args, l.code)
			}
		})
	}
}

// runs wants a command to end as it does where nobody has planted anything.
func (v *victim) runs(name string, args []string, code int) {
	v.t.Helper()
	if name == "serve" {
		v.serves()
		return
	}
	var out bytes.Buffer
	cmd := v.submsg(append(strings.Fields(name), args...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // its exit code tells
	if got := cmd.ProcessState.ExitCode(); got != code {
		v.t.Errorf("submsg %s %q: exit code %d, want %d: %s", name, args, got, code, out.String())
	}
	v.wantNoLoot("submsg " + name)
}

func (v *victim) submsg(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = commandEnv(v.t, "DATABASE_URL="+v.url)
	return cmd
}

// serves lets submsg serve do all that it does: claim, settle, pause, expire, sweep, delete, publish, measure.
func (v *victim) serves() {
	v.t.Helper()
	fake := httptest.NewServer(fakewechat.New(fakewechat.Options{GrantAll: true}))
	defer fake.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		v.t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	var out bytes.Buffer
	cmd := v.submsg("serve", "--fake-url="+fake.URL, "--http-addr="+address, "--rate=1000", "--retention=30d")
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(cmd.Env, "SUBMSG_POLL=50ms", "SUBMSG_SCHEMA_EVERY=100ms", "SUBMSG_CANARY=100ms",
		"SUBMSG_PING=100ms")
	var home string
	if err := v.QueryRow(context.Background(), `SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'submsglist' AND relkind = 'r'`).Scan(&home); err != nil {
		v.t.Fatal(err)
	}
	v.exec(strings.ReplaceAll(`
		INSERT INTO @.subMsgList (openid, templateId, parameterArr) SELECT rpad('o' || n, 28, 'x'), 'orderStatus', '{a,1,b,c}' FROM generate_series(1, 300) AS n;
		INSERT INTO @.subMsgList (openid, templateId, parameterArr, expireTime) VALUES ('o1', 'orderStatus', '{a,1,b,c}', '2020-01-01');
		INSERT INTO @.subMsgList (openid, templateId, parameterArr, sendStatus, createTime, updateTime) VALUES ('o1', 'orderStatus', '{a,1,b,c}', 'success', '2020-01-01', '2020-01-01');
		INSERT INTO @.subMsgList (openid, templateId, parameterArr) VALUES ('o1', 'nobodyKnows', '{a}')`, "@.", home+"."))
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	done := `SELECT count(*) = 0 FROM ` + home + `.subMsgList WHERE sendStatus IN ('wait', 'sending') OR updateTime < '2021-01-01'`
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-tick.C {
		var ok bool
		if err := v.QueryRow(context.Background(), done).Scan(&ok); err != nil {
			v.t.Fatal(err)
		}
		select {
		case <-ended:
			v.t.Fatalf("serve has ended: %s", out.String())
		default:
		}
		if ok {
			break
		}
		if time.Now().After(deadline) {
			v.wantNoLoot("submsg serve")
			_ = cmd.Process.Kill()
			<-ended
			v.t.Fatalf("serve doesn't finish: %s", out.String())
		}
	}
	for _, page := range []string{"/metrics", "/readyz"} {
		if answer, err := http.Get("http://" + address + page); err != nil {
			v.t.Error(err)
		} else {
			answer.Body.Close()
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	<-ended
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		v.t.Errorf("serve: exit code %d: %s", code, out.String())
	}
	for _, level := range []string{"level=error", "level=warning"} {
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, level) && !strings.Contains(line, "fake") &&
				!strings.Contains(line, "expired before") {
				v.t.Errorf("serve says %s", line)
			}
		}
	}
	v.wantNoLoot("submsg serve")
}
