package pgembed

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account is the user the server runs as.
type account struct {
	name     string
	uid, gid int
	dropped  bool // this process is root and the account is not
}

// serverAccount is this process's own user, or for root an unprivileged one. It must have an entry in the
// user database, as initdb looks it up.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{name: "this user", uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{name: "user " + name, uid: uid, gid: gid, dropped: true}, nil
		}
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody " +
		"to run it as: run as an ordinary user, or set DATABASE_URL to a server that is already there")
}

// command prepares a program to be run as the account, in a process group of its own: a Ctrl-C at the terminal is
// for the caller, who stops the server when it no longer needs it.
func (a account) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/" // the caller's folder may be closed to the account
	cmd.Env = serverEnv(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.dropped {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// serverEnv keeps a user's PG* settings, which are meant for clients, away from the server, and its messages in
// English.
func serverEnv(environ []string) []string {
	env := []string{"LC_ALL=C"}
	for _, e := range environ {
		if !strings.HasPrefix(e, "PG") && !strings.HasPrefix(e, "LC_") && !strings.HasPrefix(e, "LANG") {
			env = append(env, e)
		}
	}
	return env
}

// own hands a file over to the account.
func (a account) own(path string) error {
	if !a.dropped {
		return nil
	}
	if err := os.Lchown(path, a.uid, a.gid); err != nil {
		return errors.Join(err, errors.New("root can't give files away here (a user namespace with one user?): "+
			"run as an ordinary user, or set DATABASE_URL to a server that is already there"))
	}
	return nil
}

// reaches tells whether the account can enter dir, judged by the permission bits of dir and all above it.
func (a account) reaches(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(real)
		if err != nil {
			return false
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || !a.enters(info.Mode().Perm(), int(stat.Uid), int(stat.Gid)) {
			return false
		}
		parent := filepath.Dir(real)
		if parent == real {
			return true
		}
		real = parent
	}
}

func (a account) enters(mode os.FileMode, uid, gid int) bool {
	switch {
	case !a.dropped:
		return true // the caller itself; the system will tell
	case uid == a.uid:
		return mode&0o100 != 0
	case gid == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}
