package pgembed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account is the user the server runs as. Root doesn't trust it: whatever happens below a folder of the account's is
// done by a process of the account's, which can do no more than the account could anyhow.
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

// Command prepares a program to be run as the account that servers run as: this process's own user, or for root an
// unprivileged one. It gets nothing of this process's environment but PATH and TZ.
func Command(ctx context.Context, path string, args ...string) (*exec.Cmd, error) {
	owner, err := serverAccount()
	if err != nil {
		return nil, err
	}
	return owner.command(ctx, path, args...), nil
}

// command prepares a program to be run as the account, in a session of its own. A Ctrl-C at the terminal is for the
// caller, who stops the server when it no longer needs it; and a process that has the caller's terminal could type
// there.
func (a account) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/" // the caller's folder may be closed to the account
	cmd.Env = serverEnv(os.Getenv)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.dropped {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// serverEnv is the whole environment of the account's processes. The caller's holds secrets, settings by which a
// program loads foreign code, and PG* settings, which are meant for clients. Messages are to be in English.
func serverEnv(getenv func(string) string) []string {
	var path []string
	for _, dir := range filepath.SplitList(getenv("PATH")) {
		if real, err := trusted(dir); err == nil && filepath.IsAbs(dir) {
			path = append(path, real)
		}
	}
	env := []string{"LC_ALL=C", "PATH=" + strings.Join(path, string(filepath.ListSeparator))}
	if zone := getenv("TZ"); zone != "" {
		env = append(env, "TZ="+zone)
	}
	return env
}

// output runs a program as the account and returns what it prints. The account can tamper with its own processes, so
// that the output is believed no more than the account is, and is bounded; the caller bounds the time by ctx.
func (a account) output(ctx context.Context, stdin string, path string, args ...string) (string, error) {
	var stdout, stderr boundedBuffer
	cmd := a.command(ctx, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if said := strings.TrimSpace(stderr.content.String()); err != nil && said != "" {
		err = fmt.Errorf("%w: %.300s", err, said)
	}
	if err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return stdout.content.String(), err
}

// boundedBuffer takes as much as a program of the account's may print.
type boundedBuffer struct{ content bytes.Buffer }

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.content.Len()+len(p) > 64<<10 {
		return 0, errors.New("the program prints too much")
	}
	return b.content.Write(p)
}

// reaches tells whether the account can enter dir, judged by the permission bits of dir and all above it.
func (a account) reaches(dir string) bool {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for {
		if info, err := os.Stat(real); err != nil || !a.may(enter, info) {
			return false
		}
		parent := filepath.Dir(real)
		if parent == real {
			return true
		}
		real = parent
	}
}

// What may be done in a folder, as permission bits.
const (
	enter  os.FileMode = 0o1
	change os.FileMode = 0o3 // make and remove entries
)

// may tells whether the folder's permission bits let the account do something there.
func (a account) may(do os.FileMode, folder os.FileInfo) bool {
	stat, ok := folder.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	mode := folder.Mode().Perm()
	switch {
	case !a.dropped:
		return true // the caller itself; the system will tell
	case int(stat.Uid) == a.uid:
		mode >>= 6
	case int(stat.Gid) == a.gid:
		mode >>= 3
	}
	return mode&do == do
}
