package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/migrations"
)

// upgrade is a world in which replicas of several versions work side by side, as the least-privilege worker, under
// load.
type upgrade struct {
	*world
	worker string // the URL of its login
	prefix string // of the roles

	mu    sync.Mutex          // held while the replicas are asked, so that they are always those of one moment
	ready map[*process]string // where they answer
}

func newUpgrade(t *testing.T) *upgrade {
	t.Helper()
	u := &upgrade{world: newWorldWithOrders(t, "--grant-all", "--latency=50ms", "--quiet"),
		prefix: "submsg_" + strings.ToLower(rand.Text()[:8]), ready: map[*process]string{}}
	there, err := url.Parse(u.db)
	if err != nil {
		t.Fatal(err)
	}
	there.User = url.UserPassword(u.prefix+"_serve", "secret")
	u.worker = there.String()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		names := strings.Join([]string{u.prefix + "_app", u.prefix + "_worker", u.prefix + "_admin",
			u.prefix + "_readonly", u.prefix + "_serve"}, ", ")
		if _, err := u.pool.Exec(context.Background(), "DROP OWNED BY "+names+"; DROP ROLE "+names); err != nil {
			t.Error(err)
		}
	})
	u.grant(self)
	psql(t, u.db, fmt.Sprintf("CREATE ROLE %[1]s_serve LOGIN PASSWORD 'secret' IN ROLE %[1]s_worker;", u.prefix))
	return u
}

// command runs one of a binary, as the owner, and wants it to end well and print this.
func (u *upgrade) command(binary, want string, args ...string) string {
	u.t.Helper()
	p := startBinary(u.t, binary, []string{"DATABASE_URL=" + u.db}, args...)
	if code := p.exit(); code != 0 || !strings.Contains(p.out.String(), want) {
		u.t.Fatalf("%s: exit code %d\n%s%s", p.name, code, p.out.String(), p.err.String())
	}
	return p.out.String()
}

// migrate migrates, and does what has to be done then.
func (u *upgrade) migrate(binary string, to, of int, args ...string) {
	u.t.Helper()
	u.command(binary, fmt.Sprintf("schema version %d of %d\n", to, of), append([]string{"migrate"}, args...)...)
	u.grant(binary)
	psql(u.t, u.db, "SELECT submsg_replay();")
}

func (u *upgrade) grant(binary string) {
	u.t.Helper()
	psql(u.t, u.db, u.command(binary, "CREATE ROLE", "roles", "--prefix", u.prefix))
}

// launch starts a serve, whatever comes of it.
func (u *upgrade) launch(binary string) *process {
	u.t.Helper()
	return startBinary(u.t, binary, u.settings("DATABASE_URL="+u.worker, "SUBMSG_MIGRATE=true",
		"SUBMSG_HTTP_ADDR=127.0.0.1:0", "SUBMSG_SENDERS=2",
		"SUBMSG_LOG_LEVEL=debug", "SUBMSG_SCHEMA_EVERY=100ms"), "serve")
}

// join starts a replica, and waits until it is ready.
func (u *upgrade) join(binary string) *process {
	u.t.Helper()
	p := u.launch(binary)
	p.says("msg=serving")
	eventually(u.t, "it is ready", func() bool { status, _ := p.ready(); return status == http.StatusOK })
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ready[p] = "http://" + p.says(`http://(\S+)/healthz answers`)[1] + "/readyz"
	return p
}

// leave takes a replica out, as a load balancer does, and stops it.
func (u *upgrade) leave(p *process) {
	u.t.Helper()
	u.mu.Lock()
	delete(u.ready, p)
	u.mu.Unlock()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		u.t.Errorf("exit code %d on SIGTERM", code)
	}
}

// sendMore waits until each of these has sent more than now.
func (u *upgrade) sendMore(all ...*process) {
	u.t.Helper()
	for _, p := range all {
		sent := func() int { return len(sentLine.FindAllString(p.err.String(), -1)) }
		before := sent()
		eventually(u.t, "it sends", func() bool { return sent() > before })
	}
}

// beside does something beside the test, until the function that it returns is called, or the test has failed.
func (u *upgrade) beside(do func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(u.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); do(ctx) }()
	stop = func() { cancel(); <-done }
	u.t.Cleanup(stop)
	return stop
}

// ask asks all replicas, again and again, until ctx ends: one is always ready. An answer that took too long says
// nothing.
func (u *upgrade) ask(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
		u.mu.Lock()
		var said []string
		for _, url := range u.ready {
			said = append(said, answer(url))
		}
		u.mu.Unlock()
		if ctx.Err() == nil && len(said) > 0 &&
			!slices.ContainsFunc(said, func(s string) bool {
				return s == "" ||
					strings.Contains(s, "deadline exceeded")
			}) {
			u.t.Errorf("at one moment no replica was ready: %q", said)
		}
	}
}

// answer is what a replica says that isn't ready, "" if it is.
func answer(url string) string {
	got, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer got.Body.Close()
	if got.StatusCode == http.StatusOK {
		return ""
	}
	body, err := io.ReadAll(got.Body)
	return fmt.Sprintf("%s %s %v", got.Status, body, err)
}

// shop inserts messages and notifies of orders until ctx ends, as many as there are senders for. It never sees an
// error.
func (u *upgrade) shop(ctx context.Context) (inserted int) {
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return n
		case <-time.After(5 * time.Millisecond):
		}
		var waiting int
		err := u.pool.QueryRow(context.Background(), `SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait'`).Scan(&waiting)
		if err == nil && waiting < 20 {
			n++
			sql := insertFor(n)
			if n%5 == 0 {
				sql = fmt.Sprintf(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance, remark) VALUES ('%s', '张三', '123', 1, 2, '谢谢');
					UPDATE orders SET isSendMsg = true WHERE openid = '%[1]s'`, person(n))
			}
			_, err = u.pool.Exec(context.Background(), sql)
		}
		if err != nil {
			u.t.Errorf("the shop's transaction failed: %v", err)
		}
	}
}

// upBesideATransaction migrates while somebody has an open transaction, for which the migration waits, and nobody for
// the migration.
func (u *upgrade) upBesideATransaction(binary string, to int, replicas ...*process) {
	u.t.Helper()
	tx, err := u.pool.Begin(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(u.t.Context(), `LOCK TABLE subMsgList IN ROW EXCLUSIVE MODE`); err != nil { // as an INSERT does
		u.t.Fatal(err)
	}
	p := startBinary(u.t, binary, []string{"DATABASE_URL=" + u.db + "&pool_max_conns=3"}, "migrate", "up")
	p.says(`^submsg: the migration waits for a lock that session \d+ \(.*\) holds`)
	u.sendMore(replicas...)
	if p.ended() {
		u.t.Error("the migration has ended")
	}
	if err := tx.Commit(u.t.Context()); err != nil {
		u.t.Fatal(err)
	}
	if code := p.exit(); code != command.ExitOK {
		u.t.Errorf("migrate up: exit code %d", code)
	}
	u.migrate(binary, to, to, "status")
}

// Old and new side by side, with a schema change between: nobody stops working, and each message is sent once.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	version := migrations.Latest()
	old, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	next, after := buildNext(t, additive), buildNext(t, additive, breaking)
	u := newUpgrade(t)
	inserted := 0
	closeShop := u.beside(func(ctx context.Context) { inserted = u.shop(ctx) })
	askNoMore := u.beside(u.ask)

	a, b := u.join(old), u.join(old)
	u.sendMore(a, b)
	u.upBesideATransaction(next, version+1, a, b)
	u.sendMore(a, b)
	for _, p := range []*process{a, b} {
		if _, answer := p.ready(); answer.Checks[1] != (readyCheck{"schema", true,
			fmt.Sprintf("version %d, newer than this submsg's %d and compatible", version+1, version)}) {
			t.Errorf("an old replica says %+v", answer)
		}
	}
	u.leave(a)
	a = u.join(old) // restarted, on the new schema
	u.sendMore(a, b)
	c := u.join(next)
	u.sendMore(a, b, c)
	u.leave(a)
	u.leave(b)
	u.sendMore(c)

	a = u.join(old) // the way back
	u.leave(c)
	u.migrate(next, version, version+1, "down", "1")
	u.sendMore(a)
	u.migrate(next, version+1, version+1, "up") // and on
	c = u.join(next)
	u.leave(a)
	askNoMore()

	u.migrate(after, version+2, version+2, "up")
	sentence := fmt.Sprintf("the database schema is at version %d, newer than this submsg, which knows %d, can work "+
		"with: install the newer submsg", version+2, version+1)
	for what, p := range map[string]*process{"a running one": c, "one that starts": u.launch(next)} {
		if code := p.exit(); code != command.ExitFailed || !strings.Contains(p.err.String(), sentence) {
			t.Errorf("%s: exit code %d without saying %s", what, code, sentence)
		}
	}
	if n := u.count("sending"); n > 0 {
		t.Errorf("%d messages were left in mid-send", n)
	}
	u.ready = map[*process]string{}
	d := u.join(after)
	u.sendMore(d)
	closeShop()
	eventually(t, "all have an outcome", func() bool { return u.count("wait")+u.count("sending") == 0 })
	if n := u.count("success"); n != inserted {
		t.Errorf("%d of %d messages were sent, %d failed, %d unknown", n, inserted, u.count("fail"), u.count("unknown"))
	}
	u.exactlyOnce(0)
	t.Logf("%d messages", inserted)
}
