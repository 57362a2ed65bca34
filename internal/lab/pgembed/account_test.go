package pgembed

import (
	"os"
	"os/exec"
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

func fileOwner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func TestServerEnv(t *testing.T) {
	open := openTemp(t)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"PGDATA": "/x", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN", "TZ": "Asia/Shanghai",
		"LD_LIBRARY_PATH": "/x", "SUBMSG_WECHAT_SECRET": "secret", "PATH": open + "::relative:/etc"}
	got := serverEnv(func(name string) string { return env[name] })
	if diff := cmp.Diff([]string{"LC_ALL=C", "PATH=/etc", "TZ=Asia/Shanghai"}, got); diff != "" {
		t.Error(diff)
	}
}

// folder is a directory's mode and owner, as os.Stat tells them.
type folder struct {
	os.FileInfo
	mode     os.FileMode
	uid, gid uint32
}

func (f folder) Mode() os.FileMode { return f.mode }
func (f folder) Sys() any          { return &syscall.Stat_t{Uid: f.uid, Gid: f.gid} }

func TestMay(t *testing.T) {
	postgres := account{uid: 101, gid: 104, dropped: true}
	for _, tt := range []struct {
		name   string
		who    account
		do     os.FileMode
		folder folder
		want   bool
	}{
		{"root's home", postgres, enter, folder{mode: 0o700}, false},
		{"everybody's", postgres, enter, folder{mode: 0o711}, true},
		{"its own", postgres, enter, folder{mode: 0o700, uid: 101}, true},
		{"its own, closed to itself", postgres, enter, folder{mode: 0o077, uid: 101, gid: 104}, false},
		{"its group's", postgres, enter, folder{mode: 0o710, gid: 104}, true},
		{"closed to its group only", postgres, enter, folder{mode: 0o701, gid: 104}, false},
		{"the caller itself", account{uid: 1000}, enter, folder{mode: 0o700}, true},
		{"to write in root's", postgres, change, folder{mode: 0o755}, false},
		{"to write in everybody's", postgres, change, folder{mode: 0o777}, true},
	} {
		if got := tt.who.may(tt.do, tt.folder); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
