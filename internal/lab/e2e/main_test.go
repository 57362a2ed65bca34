package e2e

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/migrations"
)

// TestMain makes the test binary submsg itself when it is run by that name, so that commands are processes of their
// own. These tests wait for other processes more than they compute, so that more of them run at once than there are
// processors; -parallel still counts.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "submsg" {
		os.Exit(command.Main())
	}
	_ = flag.Set("test.parallel", "8")
	pgtest.Main(m)
}

// TestScripts runs testdata/script/*.txtar. Beside testscript's own commands they know
//
//	exits CODE COMMAND…   run it: it must end with this exit code, and print no secret
//	oneline stderr        the last command printed exactly one line there
//	database [KIND]       sets DATABASE_URL to a new database, migrated, or empty, or one that is missing
//	sql STATEMENT         runs it there
//	wechat DIR|FILE       sets SUBMSG_WECHAT_… to a WeChat with the templates of a folder, or a gettemplate's answer
//	fault JSON            makes that WeChat misbehave
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "script"),
		Setup: setupScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    scriptExits,
			"oneline":  scriptOneLine,
			"database": scriptDatabase,
			"sql":      scriptSQL,
			"wechat":   scriptWeChat,
			"fault":    scriptFault,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

func setupScript(env *testscript.Env) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bin := filepath.Join(env.WorkDir, ".bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	if err := os.Symlink(self, filepath.Join(bin, "submsg")); err != nil {
		return err
	}
	env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
	env.Setenv("LATEST", strconv.Itoa(migrations.Latest()))
	env.Setenv("BEFORE", strconv.Itoa(migrations.Latest()-1))
	env.Setenv("GORACE", os.Getenv("GORACE")) // commands are raced as this process is
	env.Values["t"] = env.T()
	return nil
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	for _, leak := range leaks(ts.ReadFile("stdout") + ts.ReadFile("stderr")) {
		ts.Fatalf("it printed %s", leak)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func scriptOneLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oneline stdout|stderr")
	}
	if text := ts.ReadFile(args[0]); strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
		ts.Fatalf("%s isn't one line: %q", args[0], text)
	}
}

func scriptDatabase(ts *testscript.TestScript, neg bool, args []string) {
	t := ts.Value("t").(testing.TB)
	switch {
	case !neg && len(args) == 0:
		ts.Setenv("DATABASE_URL", pgtest.DB(t))
	case !neg && len(args) == 1 && args[0] == "empty":
		ts.Setenv("DATABASE_URL", pgtest.Empty(t))
	case !neg && len(args) == 1 && args[0] == "missing":
		there, err := url.Parse(pgtest.Empty(t))
		ts.Check(err)
		there.Path = "/nosuchdatabase"
		ts.Setenv("DATABASE_URL", there.String())
	default:
		ts.Fatalf("usage: database [empty|missing]")
	}
}

func scriptSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, ts.Getenv("DATABASE_URL"))
	ts.Check(err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, args[0])
	ts.Check(err)
}

// run runs a command in this process, and returns its exit code.
func run(args []string, in string, out, errs io.Writer) int {
	return command.Run(args, terminal.New(strings.NewReader(in), out, errs))
}

// repoRoot is the repository, seen from this folder.
const repoRoot = "../../.."

// repoFile returns a file of the repository.
func repoFile(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repoRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
