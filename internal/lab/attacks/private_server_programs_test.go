package attacks

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"github.com/submsg/submsg/internal/lab/pgembed"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// stranger is an account that has nothing to do with anything.
const stranger = 54321

// TestProgramsOfOthers: binaries that somebody else could exchange are not run, wherever they were found or named.
func TestProgramsOfOthers(t *testing.T) {
	chmod := func(mode os.FileMode, name string) func(*testing.T, string) {
		return func(t *testing.T, home string) { must(t, os.Chmod(filepath.Join(home, name), mode)) }
	}
	chown := func(uid, gid int, mode os.FileMode, name string) func(*testing.T, string) {
		return func(t *testing.T, home string) {
			needRoot(t)
			must(t, os.Chown(filepath.Join(home, name), uid, gid))
			must(t, os.Chmod(filepath.Join(home, name), mode))
		}
	}
	for _, attack := range []struct {
		name string
		set  func(t *testing.T, home string)
	}{
		{"everybody may write in their folder", chmod(0o777, "bin")},
		{"everybody may write in the folder above", chmod(0o777, "")},
		{"everybody may write in their libraries' folder", chmod(0o777, "lib")},
		{"everybody may write postgres", chmod(0o777, "bin/postgres")},
		{"everybody may write initdb", chmod(0o777, "bin/initdb")},
		{"their folder is another account's", chown(stranger, 0, 0o755, "bin")},
		{"the folder above is another account's", chown(stranger, 0, 0o755, "")},
		{"postgres is another account's", chown(stranger, 0, 0o755, "bin/postgres")},
		{"a group may write in their folder", chown(0, stranger, 0o775, "bin")},
	} {
		t.Run(attack.name, func(t *testing.T) {
			home, mark := filepath.Join(publicDir(t), "pg"), filepath.Join(stickyDir(t), "ran")
			plantPrograms(t, home, mark)
			attack.set(t, home)
			bin := filepath.Join(home, "bin")
			_, err := pgembed.Start(t.Context(), pgembed.Config{BinDir: bin, Test: true})
			if err == nil || !strings.Contains(err.Error(), "can't be trusted") {
				t.Errorf("named by the caller: %v", err)
			}
			t.Setenv("SUBMSG_POSTGRES_BIN", bin)
			_, err = pgembed.Start(t.Context(), pgembed.Config{Test: true})
			if err == nil || !strings.Contains(err.Error(), "can't be trusted") {
				t.Errorf("named by the environment: %v", err)
			}
			if ran, err := os.ReadFile(mark); err == nil {
				t.Errorf("ran %s", ran)
			}
		})
	}
}

// plantPrograms makes a folder of programs that leave a mark.
func plantPrograms(t *testing.T, home, mark string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(home, "lib"), 0o755))
	must(t, os.MkdirAll(filepath.Join(home, "bin"), 0o755))
	for _, name := range []string{"postgres", "initdb", "pg_config", "rm", "mv", "cat", "sleep", "readlink"} {
		script := fmt.Sprintf("#!/bin/sh\nPATH=/usr/bin:/bin\necho %s >>'%s'\nexec %[1]s \"$@\"\n", name, mark)
		must(t, os.WriteFile(filepath.Join(home, "bin", name), []byte(script), 0o755))
	}
}

// TestPathOfOthers: everybody may write in the first folder of PATH, where there are programs of each name that a start
// looks for, and those that its scripts call.
func TestPathOfOthers(t *testing.T) {
	home, mark := filepath.Join(publicDir(t), "pg"), filepath.Join(stickyDir(t), "ran")
	plantPrograms(t, home, mark)
	bin := filepath.Join(home, "bin")
	must(t, os.Chmod(bin, 0o777))
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	startAndStop(t, pgembed.Config{Test: true})
	if ran, err := os.ReadFile(mark); err == nil {
		t.Errorf("ran %s", ran)
	}
}

// TestWhatTheServerIsTold: the processes that run the server know nothing of this one's environment, and can't type at
// its terminal.
func TestWhatTheServerIsTold(t *testing.T) {
	for _, name := range []string{"SUBMSG_WECHAT_SECRET", "DATABASE_URL", "PGPASSWORD", "PGAPPNAME", "LD_LIBRARY_PATH",
		"ENV", "BASH_ENV", "GCONV_PATH", "NEVER_HEARD_OF"} {
		t.Setenv(name, "/planted")
	}
	// Programs that note their environment before they are what they seem.
	programs, notes := filepath.Join(publicDir(t), "bin"), stickyDir(t)
	must(t, os.Mkdir(programs, 0o755))
	for _, name := range []string{"initdb", "postgres"} {
		script := fmt.Sprintf("#!/bin/sh\nenv >'%s'/%s-$$\nexec '%s' \"$@\"\n", notes, name,
			filepath.Join(pgtest.Server(t).BinDir(), name))
		must(t, os.WriteFile(filepath.Join(programs, name), []byte(script), 0o755))
	}
	server, err := pgembed.Start(t.Context(), pgembed.Config{BinDir: programs, Test: true})
	must(t, err)
	defer server.Stop()

	told := map[string]string{"a query": environmentOfQuery(t, server.URL())}
	files, _ := filepath.Glob(filepath.Join(notes, "*"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		told[filepath.Base(file)] = string(content)
	}
	if len(files) < 3 { // initdb, postgres --version, postgres
		t.Errorf("noted: %v", files)
	}
	for _, p := range descendants(t) {
		if !strings.Contains(p.command, "postgres") && !strings.Contains(p.command, "submsg-pg") {
			continue
		}
		told[p.command] = strings.ReplaceAll(p.environment, "\x00", "\n")
		if p.session == sessionOf(t, os.Getpid()) {
			t.Errorf("%.80q is in this process's session", p.command)
		}
	}
	allowed := []string{"LC_ALL", "PATH", "TZ", "PWD", "OLDPWD", "SHLVL", "_"} // the last four are the shell's own
	for who, environment := range told {
		for line := range strings.Lines(environment) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			_, ours := os.LookupEnv(name)
			if strings.Contains(value, "planted") || ours && !slices.Contains(allowed, name) {
				t.Errorf("%.80q knows %s", who, name)
			}
		}
	}
}

// environmentOfQuery is what a superuser of the server can see of it.
func environmentOfQuery(t *testing.T, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `CREATE TABLE env (line text); COPY env FROM PROGRAM 'env'`)
	must(t, err)
	var environment string
	must(t, conn.QueryRow(t.Context(), `SELECT string_agg(line, chr(10)) FROM env`).Scan(&environment))
	return environment
}

// process is one below this one.
type process struct {
	pid, parent, session int
	command, environment string // with a zero byte after each part
}

// descendants are all processes below this one, by proc(5).
func descendants(t *testing.T) (list []process) {
	t.Helper()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	all := map[int]process{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var p process
		var state string
		var group int
		fmt.Sscan(string(stat), &p.pid)
		_, rest, _ := strings.Cut(string(stat), ") ")
		fmt.Sscan(rest, &state, &p.parent, &group, &p.session)
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		environment, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		p.command, p.environment = string(command), string(environment)
		all[p.pid] = p
	}
	for _, p := range all {
		for above := p.parent; above != 0; above = all[above].parent {
			if above == os.Getpid() {
				list = append(list, p)
			}
		}
	}
	return list
}

func sessionOf(t *testing.T, pid int) int {
	t.Helper()
	session, err := unix.Getsid(pid)
	must(t, err)
	return session
}
