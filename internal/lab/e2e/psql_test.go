package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// psql runs a script, one statement a line, in psql as people do, and returns what it prints. On a machine
// without psql (some packages of Postgres have none) a stand-in sends the same lines.
func psql(t *testing.T, url, script string) string {
	t.Helper()
	out, err := tryPsql(t, url, script)
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, script)
	}
	return out
}

func tryPsql(t *testing.T, url, script string) (string, error) {
	t.Helper()
	path := findPsql(t)
	if path == "" {
		return likePsql(t, url, script)
	}
	cmd := exec.CommandContext(t.Context(), path, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url)
	cmd.Env = append(bareEnv(), "PGCLIENTENCODING=UTF8")
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), errors.New(stderr.String())
	}
	return stdout.String(), nil
}

func findPsql(t *testing.T) string {
	if os.Getenv("TEST_DATABASE_URL") == "" {
		beside := filepath.Join(pgtest.Server(t).BinDir(), "psql")
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	path, _ := exec.LookPath("psql")
	return path
}

var copyLine = regexp.MustCompile(`^\\copy (.+) from '(.+)'$`)

// likePsql does what these tests need of psql.
func likePsql(t *testing.T, url, script string) (string, error) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if c := copyLine.FindStringSubmatch(line); c != nil {
			err = copyFile(t, conn, c[1], c[2])
		} else if line != "" {
			err = execLine(t, conn, line, &out)
		}
		if err != nil {
			return out.String(), err
		}
	}
	return out.String(), nil
}

func copyFile(t *testing.T, conn *pgconn.PgConn, table, file string) error {
	t.Helper()
	data, err := os.Open(file)
	if err != nil {
		return err
	}
	defer data.Close()
	_, err = conn.CopyFrom(t.Context(), data, "COPY "+table+" FROM STDIN")
	return err
}

func execLine(t *testing.T, conn *pgconn.PgConn, line string, out io.Writer) error {
	t.Helper()
	results, err := conn.Exec(t.Context(), line).ReadAll()
	if err != nil {
		return err
	}
	for _, r := range results {
		for _, row := range r.Rows {
			fmt.Fprintf(out, "%s\n", bytes.Join(row, []byte("|")))
		}
	}
	return nil
}

// The stand-in is a fair one: where there is a psql, both say the same.
func TestStandInIsLikePsql(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(file, []byte("1\t一\n2\t二\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "CREATE TEMP TABLE t (n int, word text);\n\\copy t (n, word) from '" + file +
		"'\nBEGIN;\nDELETE FROM t WHERE n = 1;\n" +
		"SELECT n, word FROM t;\nROLLBACK;\nSELECT count(*) FROM t;\n"
	url := pgtest.Empty(t)
	for name, client := range map[string]func(*testing.T, string, string) (string, error){"psql": tryPsql,
		"stand-in": likePsql} {
		if got, err := client(t, url, script); err != nil || got != "2|二\n2\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := client(t, url, "SELECT 1;\nSELECT nothing;\n"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
