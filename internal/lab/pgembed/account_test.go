package pgembed

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAsOrdinaryUser runs the tests of starting and killing once more for nobody, when this is root.
// An ordinary user has run them as one already.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		s := start(t, Config{Test: true})
		if got := fileOwner(t, s.run.path); got != os.Geteuid() {
			t.Errorf("owner %d", got)
		}
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run",
		"TestAsOrdinaryUser|TestStartServes|TestNothingIsLeft|TestDataAreKeptAfterAKill|TestNpmPackageIsCopied")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "HOME=/nonexistent", "GOCOVERDIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

func TestServerAccount(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Test: true})
	got := fileOwner(t, "/proc/"+strconv.Itoa(serverPID(t, s.run.path)))
	if got == 0 {
		t.Error("the server runs as root")
	}
	if me := os.Geteuid(); me != 0 && got != me {
		t.Errorf("the server runs as %d, not as %d", got, me)
	}
}

func fileOwner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func TestServerEnv(t *testing.T) {
	got := serverEnv([]string{"PGDATA=/x", "PGPORT=1", "LC_MESSAGES=zh_CN", "LANG=zh_CN", "PATH=/bin",
		"TZ=Asia/Shanghai"})
	if diff := cmp.Diff([]string{"LC_ALL=C", "PATH=/bin", "TZ=Asia/Shanghai"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestEnters(t *testing.T) {
	postgres := account{uid: 101, gid: 104, dropped: true}
	for _, tt := range []struct {
		name     string
		who      account
		mode     os.FileMode
		uid, gid int
		want     bool
	}{
		{"root's home", postgres, 0o700, 0, 0, false},
		{"everybody's", postgres, 0o711, 0, 0, true},
		{"its own", postgres, 0o700, 101, 0, true},
		{"its own, closed to itself", postgres, 0o077, 101, 104, false},
		{"its group's", postgres, 0o710, 0, 104, true},
		{"closed to its group only", postgres, 0o701, 0, 104, false},
		{"the caller itself", account{uid: 1000}, 0o700, 0, 0, true},
	} {
		if got := tt.who.enters(tt.mode, tt.uid, tt.gid); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
