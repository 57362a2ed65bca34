package attacks

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/lab/pgembed"
)

// Root runs its private Postgres as an unprivileged account, which owns the server's folders. The tests in this file
// are that account's, at work against root.

// secret stands in files that only root can read.
const secret = "only-root-may-read-this"

// needRoot skips what only root can suffer.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root has an account below it")
	}
}

// publicDir is a folder of this user's that everybody can enter.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "submsg-attacks-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// stickyDir is a folder as /tmp is.
func stickyDir(t *testing.T) string {
	t.Helper()
	dir := publicDir(t)
	must(t, os.Chmod(dir, 0o777|os.ModeSticky))
	return dir
}

// treasure is a folder of root's whose content must not become known to others, nor change.
type treasure struct {
	dir    string
	before []string
}

func newTreasure(t *testing.T) treasure {
	t.Helper()
	dir := filepath.Join(publicDir(t), "treasure")
	must(t, os.Mkdir(dir, 0o711))
	for _, name := range []string{"secret", "PG_VERSION", "password"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o600))
	}
	return treasure{dir, describe(t, dir)}
}

// untouched compares it with what it was.
func (r treasure) untouched(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(r.before, describe(t, r.dir)); diff != "" {
		t.Errorf("root was made to change its own folder:\n%s", diff)
	}
}

// describe lists everything below a folder, with modes, owners and contents.
func describe(t *testing.T, dir string) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		line := fmt.Sprintf("%s %v %d:%d", strings.TrimPrefix(path, dir), info.Mode(), stat.Uid, stat.Gid)
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", content)
		}
		list = append(list, line)
		return nil
	}))
	return list
}

// asAccount runs a shell script as the account that servers run as.
func asAccount(t *testing.T, script string, args ...string) {
	t.Helper()
	cmd, err := pgembed.Command(t.Context(), "/bin/sh", append([]string{"-euc", script, "attack"}, args...)...)
	must(t, err)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// bystander is a process of this user's that has nothing to do with any server.
func bystander(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.Dir = "/"
	must(t, cmd.Start())
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("a process that has nothing to do with the server: %v", err)
		}
		if err := cmd.Wait(); err == nil || err.Error() != "signal: terminated" {
			t.Errorf("a process that has nothing to do with the server was sent another signal: %v", err)
		}
	})
	return cmd
}

// patience is for what takes seconds at most unless it hangs.
const patience = 2 * time.Minute

// startAndStop starts a server and stops it, whether or not it can start, and tells what was said about it.
func startAndStop(t *testing.T, config pgembed.Config) (said string) {
	t.Helper()
	done := make(chan string, 1)
	go func() {
		server, err := pgembed.Start(context.Background(), config)
		if err != nil {
			done <- err.Error()
			return
		}
		said := server.URL()
		if err := server.Stop(); err != nil {
			said += err.Error()
		}
		done <- said
	}()
	select {
	case said = <-done:
	case <-time.After(patience):
		t.Fatal("root waits for ever")
	}
	return said
}

// TestPlantedDataDirectory: root is told to keep its data in a folder of the account's, who has prepared it.
func TestPlantedDataDirectory(t *testing.T) {
	needRoot(t)
	t.Parallel()
	for _, attack := range []struct{ name, prepare string }{
		{"a password that is a link to where root alone may write", `ln -s "$2/new" "$1/password"`},
		{"a password that is a link to a file of root's", `ln -s "$2/secret" "$1/password"`},
		{"data that are a link to a folder of root's", `ln -s "$2" "$1/data"`},
		{"unfinished data that are a link to a folder of root's", `ln -s "$2" "$1/data.unfinished"`},
		{"a version that is a link to a file of root's", `mkdir "$1/data"; ln -s "$2/secret" "$1/data/PG_VERSION"`},
		{"a version that never comes", `mkdir "$1/data"; mkfifo "$1/data/PG_VERSION"`},
		{"a version without end", `mkdir "$1/data"; ln -s /dev/zero "$1/data/PG_VERSION"`},
		{"a version of a terabyte", `mkdir "$1/data"; truncate -s 1T "$1/data/PG_VERSION"; echo >"$1/password"`},
		{"a password without end", `mkdir "$1/data"; echo 15 >"$1/data/PG_VERSION"; ln -s /dev/zero "$1/password"`},
		{"a folder that is a link to root's", `rmdir "$1"; ln -s "$2" "$1"`},
		{"a folder above that is a link to root's", `rmdir "$1"; ln -s "$2" "$(dirname "$1")"/up`},
	} {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			r, dir := newTreasure(t), stickyDir(t)
			asAccount(t, `mkdir -m 755 "$1"`, filepath.Join(dir, "home"))
			home := filepath.Join(dir, "home", "pg")
			asAccount(t, `mkdir -m 700 "$1"; `+attack.prepare, home, r.dir)
			if strings.Contains(attack.prepare, "/up") {
				home = filepath.Join(dir, "home", "up", "further", "pg")
			}
			if said := startAndStop(t, pgembed.Config{DataDir: home, Test: true}); strings.Contains(said, secret) {
				t.Errorf("root has read out its own file: %s", said)
			}
			r.untouched(t)
		})
	}
}

// TestChangedDataDirectory: between two runs the account changes what root keeps there.
func TestChangedDataDirectory(t *testing.T) {
	needRoot(t)
	t.Parallel()
	config := pgembed.Config{DataDir: filepath.Join(publicDir(t), "pg"), Test: true, Listen: "127.0.0.1:0"}
	startAndStop(t, config)
	for _, attack := range []struct{ name, change string }{
		{"a password that is a link to a file of root's", `ln -sf "$2/secret" "$1/password"`},
		{"a lock file that names another process", `rm -f "$1/password"; echo password >"$1/password"
			printf '%s\n%s\n1\n1\n' "$3" "$1/data" >"$1/data/postmaster.pid"`},
		{"an endless log", `rm -f "$1/data/postmaster.pid"
			yes "#" | head -c 3000000 >>"$1/data/postgresql.conf"; echo "port = 'x" >>"$1/data/postgresql.conf"`},
	} {
		t.Run(attack.name, func(t *testing.T) {
			r, other := newTreasure(t), bystander(t)
			asAccount(t, attack.change, config.DataDir, r.dir, fmt.Sprint(other.Process.Pid))
			said := startAndStop(t, config)
			if strings.Contains(said, secret) {
				t.Errorf("root has read out its own file: %s", said)
			}
			if len(said) > 1<<16 {
				t.Errorf("%d bytes were said", len(said))
			}
			r.untouched(t)
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
