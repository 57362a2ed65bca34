package pgembed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func dataIn(dir string) string { return filepath.Join(dir, "data") }

// A server's folder has two entries: `data`, complete once it has that name, and `password`, the superuser's on TCP.
// The folder is the account's, and so both are made and read by these scripts, which the account runs.
const (
	// makeData has initdb make the data unless they are there: its arguments are the folder, then initdb's command.
	makeData = `
cd -- "$1" && shift || exit
[ -e data ] && exit
umask 077
rm -rf data.unfinished && cat >password && exec "$@"
`
	// readData gives the data their name, and prints the PostgreSQL release they are of and the password, a line each.
	readData = `
cd -- "$1" || exit
[ -e data ] || mv data.unfinished data || exit
for file in data/PG_VERSION password; do
	[ -f $file ] || { echo "$file isn't a file" >&2; exit 1; }
done
cat data/PG_VERSION password
`
)

// prepareData makes the server's data directory unless there is one from an earlier run.
func (s *Server) prepareData(ctx context.Context, cfg Config) error {
	dir := s.run.path
	if s.dataDir != nil {
		dir = s.dataDir.path
	}
	s.data = dataIn(dir)
	if err := s.initdb(ctx, cfg, dir); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	content, err := s.owner.output(ctx, "", "/bin/sh", "-c", readData, "submsg-pg-data", dir)
	if err != nil {
		return fmt.Errorf("%s is not a data directory of PostgreSQL: %w", s.data, err)
	}
	version, password, _ := strings.Cut(content, "\n")
	if major, err := strconv.Atoi(version); err != nil || major != s.bin.version.major {
		return fmt.Errorf("the data in %s are of PostgreSQL %.20q, the binaries in %s are PostgreSQL %s: "+
			"set SUBMSG_POSTGRES_BIN to binaries of the data's version, or use another data directory",
			s.data, version, s.bin.dir, s.bin.version)
	}
	s.password = password
	return nil
}

// initdb lets everybody in who can reach the socket (its directory is closed to others), and has the password asked for
// on TCP, which every user of the machine can reach.
func (s *Server) initdb(ctx context.Context, cfg Config, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	args := []string{"-c", makeData, "submsg-pg-initdb", dir, filepath.Join(s.bin.dir, "initdb"),
		"-D", "data.unfinished", "-U", superuser, "--auth-local=trust", "--auth-host=scram-sha-256",
		"--pwfile=password", "-E", "UTF8", "--locale=C", "--no-instructions"}
	if cfg.Test {
		args = append(args, "--wal-segsize=1")
	}
	if cfg.Test || s.dataDir == nil {
		args = append(args, "--no-sync")
	}
	cmd := s.owner.command(ctx, "/bin/sh", args...)
	cmd.Stdin = strings.NewReader(rand.Text())
	cmd.Stdout = s.logWriter(cfg)
	cmd.Stderr = cmd.Stdout
	// initdb inherits the pipe, so that the reaper waits for its end if this process dies: a killed initdb would leave
	// shared memory behind.
	cmd.ExtraFiles = []*os.File{s.reaper.pipe}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w", errors.Join(ctx.Err(), err))
	}
	return nil
}
