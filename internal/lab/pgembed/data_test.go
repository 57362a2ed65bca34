package pgembed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataAreKeptBetweenRuns(t *testing.T) {
	t.Parallel()
	cfg := Config{DataDir: filepath.Join(openTemp(t), "not", "yet", "there"), Listen: "127.0.0.1:0"}
	first := start(t, cfg)
	ask(t, first.URL(), "CREATE TABLE kept AS SELECT 'yes' AS answer")
	hurried, cancel := context.WithCancel(t.Context())
	cancel() // doesn't wait for the first to go
	if _, err := openDataDir(hurried, cfg.DataDir, first.owner); err == nil ||
		!strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second server on the same data: %v", err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, cfg)
	if got := ask(t, second.URL(), "SELECT answer FROM kept"); got != "yes" {
		t.Errorf("answer = %q", got)
	}
	if first.password != second.password {
		t.Error("the password changed: connections that people saved no longer work")
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}

	t.Run("but not by another major version", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(cfg.DataDir, "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Start(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), "are of PostgreSQL \"9\", the binaries in ") {
			t.Errorf("error = %v", err)
		}
	})
}

func TestDataAreKeptAfterAKill(t *testing.T) {
	t.Parallel()
	data := filepath.Join(openTemp(t), "pg")
	c := startChild(t, data)
	c.kill()
	s := start(t, Config{DataDir: data}) // at once: it waits for the old server to end
	if got := ask(t, s.URL(), "SELECT 'fine'"); got != "fine" {
		t.Error(got)
	}
	if alive(c.server) {
		t.Error("the old server still runs")
	}
}

func TestDataDirOutOfReach(t *testing.T) {
	owner := account{name: "user nobody", uid: 65534, gid: 65534, dropped: true}
	private := t.TempDir()
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	if owner.uid == os.Geteuid() {
		owner.uid++
	}
	_, err := openDataDir(t.Context(), private, owner)
	if err == nil || !strings.Contains(err.Error(), "can't enter it") {
		t.Errorf("error = %v", err)
	}
}

func TestDataDirOfOthers(t *testing.T) {
	t.Parallel()
	owner, err := serverAccount()
	must(t, err)
	open := openTemp(t)
	refused := func(name, want string) {
		if _, err := openDataDir(t.Context(), filepath.Join(open, name), owner); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	d, err := openDataDir(t.Context(), filepath.Join(open, "new"), owner)
	if err != nil || d.owner() != owner.uid {
		t.Fatal(err)
	}
	must(t, d.lock.Chmod(0o777))
	must(t, d.lock.Close())
	refused("new", "new can't be trusted: everybody could change it")
	must(t, os.Mkdir(filepath.Join(open, "mine"), 0o755))
	if owner.dropped {
		refused("mine", "belongs to user 0, and the server runs as "+owner.name)
		must(t, os.Lchown(filepath.Join(open, "mine"), another, another))
		refused("mine", "mine can't be trusted: its owner, user 54321, could change it")
	}
}
