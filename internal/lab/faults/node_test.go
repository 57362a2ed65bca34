//go:build faults

package faults

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/migrations"
)

// node is a durable Postgres of a test's own, which may be killed and comes back with what it had committed. It dies
// with the test.
type node struct {
	t      *testing.T
	home   string // DataDir of pgembed: the data are in its folder "data"
	config pgembed.Config
	server *pgembed.Server
}

// newNode starts a migrated one. Its home is in dir, or in a temporary folder if that is "".
func newNode(t *testing.T, dir string, config pgembed.Config) *node {
	t.Helper()
	n := &node{t: t, home: filepath.Join(open(t, dir), "home"), config: config}
	n.start()
	if err := migrations.Up(t.Context(), n.url()); err != nil {
		t.Fatal(err)
	}
	return n
}

// open makes a folder that the server's account can enter, inside dir.
func open(t *testing.T, dir string) string {
	t.Helper()
	dir, err := os.MkdirTemp(dir, "submsg-node-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (n *node) start() {
	n.t.Helper()
	n.config.DataDir = n.home
	server, err := pgembed.Start(context.Background(), n.config)
	if err != nil {
		n.t.Fatal(err)
	}
	n.server = server
	n.t.Cleanup(func() { server.Stop() }) // whose error would say that it was killed
}

func (n *node) url() string { return n.server.URL() }

// socket is the folder of its socket.
func (n *node) socket() string {
	n.t.Helper()
	u, err := url.Parse(n.url())
	if err != nil {
		n.t.Fatal(err)
	}
	return u.Query().Get("host")
}

// processes are its first process and that one's children.
func (n *node) processes() []int {
	n.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", n.server.PID()))
	if err != nil {
		n.t.Fatal(err)
	}
	all := []int{n.server.PID()}
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			n.t.Fatal(err)
		}
		all = append(all, pid)
	}
	return all
}

// crash ends it without a checkpoint, as `pg_ctl -m immediate` does.
func (n *node) crash() {
	n.t.Helper()
	if err := n.server.Signal(syscall.SIGQUIT); err != nil {
		n.t.Fatal(err)
	}
	select {
	case <-n.server.Done():
	case <-time.After(time.Minute):
		n.t.Fatal("postgres survived SIGQUIT")
	}
	n.server.Stop() // releases its folders; its error says that it had stopped by itself
}

// clone copies the home of a node that is stopped. The copy isn't running.
func (n *node) clone(t *testing.T) *node {
	t.Helper()
	shared := open(t, "")
	if err := os.Chmod(shared, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	copied := &node{t: t, home: filepath.Join(shared, "home"), config: n.config}
	asServer(t, "", "cp", "-a", n.home, copied.home)
	return copied
}

// add appends to one of the data's files, which need not be there.
func (n *node) add(file, text string) {
	n.t.Helper()
	asServer(n.t, text, "/bin/sh", "-c", `umask 077; cat >>"$1"`, "add", filepath.Join(n.home, "data", file))
}

// asServer runs a program as the account that has the servers' data: root writes nothing there by itself.
func asServer(t *testing.T, stdin, path string, args ...string) {
	t.Helper()
	cmd, err := pgembed.Command(t.Context(), path, args...)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
}

// ask reads one text.
func (n *node) ask(sql string) (answer string) {
	n.t.Helper()
	conn, err := pgx.Connect(context.Background(), n.url())
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var value any
	if err := conn.QueryRow(context.Background(), sql).Scan(&value); err != nil {
		n.t.Fatalf("%s: %v", sql, err)
	}
	return fmt.Sprint(value)
}

// set changes a setting while it runs.
func (n *node) set(name, value string) {
	n.t.Helper()
	conn, err := pgx.Connect(context.Background(), n.url())
	if err != nil {
		n.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, sql := range []string{fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value), "SELECT pg_reload_conf()"} {
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			n.t.Fatalf("%s: %v", sql, err)
		}
	}
}
