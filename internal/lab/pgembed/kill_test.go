package pgembed

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

func TestNothingIsLeftAfterAKill(t *testing.T) {
	t.Parallel()
	c := startChild(t, "")
	c.kill()
	eventually(t, "the server is gone", func() bool { return !alive(c.server) })
	eventually(t, "the directory is gone", func() bool { return !exists(c.run) })
	eventually(t, "the reaper is gone", func() bool { return !alive(c.reaper) })
}

func TestKilledDuringInitdb(t *testing.T) {
	kept, base := openTemp(t), shortTemp(t)
	t.Setenv("TMPDIR", base)
	c := child{cmd: selfServing(filepath.Join(kept, "pg"))}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "initdb at work", func() bool { return exists(filepath.Join(kept, "pg", "data.unfinished", "base")) })
	c.kill()
	eventually(t, "the run directory is gone", func() bool {
		left, _ := filepath.Glob(filepath.Join(base, "*"))
		return len(left) == 0
	})
	s := start(t, Config{DataDir: filepath.Join(kept, "pg")})
	if got := ask(t, s.URL(), "SELECT 'fine'"); got != "fine" {
		t.Error(got)
	}
}

func TestNextStartSweepsWhatTheReaperCouldNot(t *testing.T) {
	kept, base := openTemp(t), shortTemp(t)
	t.Setenv("TMPDIR", base)
	c := startChild(t, filepath.Join(kept, "pg")) // kept data: run directories in TMPDIR
	live := start(t, Config{})

	if err := syscall.Kill(c.reaper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	sweep(t.Context(), base, live.owner)
	if !exists(c.run) || !alive(c.server) {
		t.Fatal("swept a run whose process lives")
	}
	c.kill()
	if !alive(c.server) {
		t.Fatal("the server went without the reaper: this test shows nothing")
	}
	eventually(t, "a sweep takes the dead run and its server", func() bool {
		sweep(t.Context(), base, live.owner)
		return !exists(c.run) && !alive(c.server)
	})
	if got := ask(t, live.URL(), "SELECT 'up'"); got != "up" {
		t.Error("the sweep harmed a live server")
	}
	if err := live.Stop(); err != nil {
		t.Error(err)
	}
}

func TestNewDirectoriesAreNotSwept(t *testing.T) {
	t.Parallel()
	base := shortTemp(t)
	owner, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	var makers sync.WaitGroup
	for range 4 {
		makers.Go(func() {
			for range 50 {
				d, err := newRunDirIn(base, owner)
				if err != nil {
					t.Error(err)
					return
				}
				sweep(t.Context(), base, owner)
				if !d.stillThere() {
					t.Error("swept by another one's start")
				}
				d.lock.Close()
			}
		})
	}
	makers.Wait()
	sweep(t.Context(), base, owner)
}

func TestSweepSpares(t *testing.T) {
	base := openTemp(t)
	owner, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(base, "elsewhere")
	dead, other, link := filepath.Join(base, runPrefix+"1"), filepath.Join(base, "other"),
		filepath.Join(base, runPrefix+"2")
	for _, dir := range []string{elsewhere, dead, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	sweep(t.Context(), base, owner)
	if exists(dead) {
		t.Error("a dead run is still there")
	}
	if !exists(other) || !exists(elsewhere) {
		t.Error("swept what is none of its business")
	}
}
