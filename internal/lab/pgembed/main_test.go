package pgembed

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// envChild makes this test binary a program that starts a server, says where it is, and waits to be killed.
const envChild = "PGEMBED_TEST_CHILD_DATA"

func TestMain(m *testing.M) {
	if data, ok := os.LookupEnv(envChild); ok {
		s, err := Start(context.Background(), Config{Test: data == "", DataDir: data})
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(s.run.path, s.reaper.cmd.Process.Pid)
		select {} // only a signal ends it
	}
	os.Exit(m.Run())
}

// start runs a server for one test.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

// ask runs a query that has one value.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var answer string
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil && err != pgx.ErrNoRows {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// openTemp is a t.TempDir that the server's account can enter too.
func openTemp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// child is this test binary, serving in another process.
type child struct {
	cmd    *exec.Cmd
	run    string // its run directory
	reaper int
	server int // the postmaster's process id
}

// selfServing is this binary by the name that also works for another user, who can't enter go test's own folder.
func selfServing(data string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envChild+"="+data)
	return cmd
}

// startChild starts it and waits until its server answers.
func startChild(t *testing.T, data string) child {
	t.Helper()
	c := child{cmd: selfServing(data)}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if n, err := fmt.Sscan(line, &c.run, &c.reaper); n != 2 {
		rest, _ := io.ReadAll(out)
		t.Fatalf("child: %s%s%v", line, rest, err)
	}
	c.server = serverPID(t, c.run)
	return c
}

// kill gives the child no chance to clean up.
func (c child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func serverPID(t *testing.T, run string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(run, ".s.PGSQL.5432.lock"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// alive is false for a zombie too, whose parent has not looked yet.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
		return false
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return !strings.Contains(string(stat), ") Z ")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}
