package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/migrations"
)

// openDir is a t.TempDir that the server's account can enter too, when root runs the tests.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func startPostgres(t *testing.T, data string) *pgembed.Server {
	t.Helper()
	server, err := pgembed.Start(t.Context(), pgembed.Config{Test: true, DataDir: data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() }) // again, after those that a test stops itself
	return server
}

// behind lets connections through to a server's socket, where no password is asked for.
func (p *proxy) behind(server *pgembed.Server) {
	p.t.Helper()
	u, err := url.Parse(server.URL())
	if err != nil {
		p.t.Fatal(err)
	}
	p.up("unix", filepath.Join(u.Query().Get("host"), ".s.PGSQL."+u.Query().Get("port")))
}

// The database is down when serve starts, comes, is stopped and started again under load, and then the
// network alone is cut: serve outlives all of it, and no message is lost or sent twice.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	data := filepath.Join(openDir(t), "pg")
	server := startPostgres(t, data)
	if err := migrations.Up(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	proxy := newProxy(t)
	w := newWorldAt(t, server.URL(), "--grant-all", "--latency=30ms", "--quiet")
	p := start(t, w.settings("DATABASE_URL=postgres://postgres@"+proxy.addr+"/postgres?sslmode=disable",
		"SUBMSG_SENDERS=16"), "serve")
	p.says("database can't be reached, trying again")
	const messages = 1500
	w.insertPeople(messages)
	proxy.behind(server)
	p.says("msg=serving")
	eventually(t, "messages go out", func() bool { return w.count("success") > 50 })

	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	proxy.down()
	p.says("database trouble")
	server = startPostgres(t, data)
	w.reconnect(server.URL())
	if n := w.count("wait"); n == 0 {
		t.Error("nothing was left to do at the restart: this test shows nothing")
	}
	proxy.behind(server)
	before := w.count("success")
	eventually(t, "messages go out after the restart", func() bool { return w.count("success") > before+50 })

	proxy.down()
	proxy.behind(server)
	eventually(t, "all are sent", func() bool { return w.count("success") == messages })
	w.exactlyOnce(0)
	p.says("the database is back")
}

// A setting by PGHOST and its like is as good as DATABASE_URL, wakes included.
func TestPGVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	at, err := pgconn.ParseConfig(w.db)
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"DATABASE_URL=", "PGHOST=" + at.Host, fmt.Sprintf("PGPORT=%d", at.Port),
		"PGDATABASE=" + at.Database, "PGUSER=" + at.User, "PGPASSWORD=" + at.Password}
	w.serve(env...)
	// Only a consumer that hears asks for wakes.
	eventually(t, "it listens", func() bool {
		return w.number(`SELECT coalesce(pg_sequence_last_value('subMsgWake'::regclass), 0)`) == 1
	})
	psql(t, w.db, insertFor(1))
	w.await(person(1), "success")
	p := start(t, w.settings(env...), "migrate", "status")
	if code := p.exit(); code != 0 {
		t.Errorf("migrate status: exit code %d", code)
	}
}

// While nobody gives a token, no row is touched, the log says why once, and all goes out when that is over.
func TestWrongSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	w.insertPeople(3)
	p := w.serve("SUBMSG_WECHAT_SECRET=" + secretMark + "ButAnotherOne")
	p.says("nothing can be sent, messages wait: AppSecret 不正确")
	asked := w.stats().Tokens.Stable
	eventually(t, "it asks for a token twice more", func() bool { return w.stats().Tokens.Stable >= asked+2 })
	if n := p.count("nothing can be sent"); n != 1 {
		t.Errorf("said %d times that nothing can be sent", n)
	}
	if n := w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait' AND attempts = 0 AND errCode IS NULL`); n != 3 {
		t.Errorf("%d rows untouched, want 3", n)
	}
	p.finish()
	w.serve()
	eventually(t, "all are sent with the right secret", func() bool { return w.count("success") == 3 })
	w.exactlyOnce(0)
}

func TestTokenEndpointHeals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	w.post("/_fake/faults", `{"kind":"errcode","errcode":40164,"path":"`+fakewechat.StableTokenPath+`","count":-1}`, nil)
	w.insertPeople(3)
	p := w.serve()
	p.says("nothing can be sent, messages wait: 本机 IP 不在白名单")
	w.clearFaults()
	p.says("sending again")
	eventually(t, "all are sent", func() bool { return w.count("success") == 3 })
	if n := w.number(`SELECT count(*) FROM subMsgList WHERE attempts = 1`); n != 3 {
		t.Errorf("%d rows with one attempt, want 3", n)
	}
	w.exactlyOnce(0)
}

// A token that dies in between is healed inside the send: no row notices.
func TestTokenDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	w.serve()
	psql(t, w.db, insertFor(1))
	w.await(person(1), "success")
	for i, body := range []string{`{"revoke":true}`, `{"expire":true}`} {
		w.post("/_fake/tokens", body, nil)
		w.plant()
		psql(t, w.db, insertFor(2+i))
		if m := w.await(person(2+i), "success"); m.Attempts != 1 {
			t.Errorf("%s: %d attempts", body, m.Attempts)
		}
	}
	w.exactlyOnce(0)
}

func (w *world) reconnect(db string) {
	w.t.Helper()
	w.db = db
	w.connect()
}
