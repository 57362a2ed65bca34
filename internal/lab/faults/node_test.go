//go:build faults

package faults

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	first  int // its first process
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
	n.server, n.first = server, n.pid()
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

// pid reads that of its first process.
func (n *node) pid() int {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.home, "data", "postmaster.pid"))
	if err != nil {
		n.t.Fatal(err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(first))
	if err != nil {
		n.t.Fatal(err)
	}
	return pid
}

// crash ends it without a checkpoint, as `pg_ctl -m immediate` does.
func (n *node) crash() {
	n.t.Helper()
	if err := syscall.Kill(n.first, syscall.SIGQUIT); err != nil {
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
	copied := &node{t: t, home: filepath.Join(open(t, ""), "home"), config: n.config}
	if out, err := exec.Command("cp", "-a", n.home, copied.home).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	return copied
}

// add appends to one of the data's files, which keeps its owner.
func (n *node) add(path, text string) {
	n.t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	if err != nil {
		n.t.Fatal(err)
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
