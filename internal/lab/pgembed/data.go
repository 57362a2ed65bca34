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

// prepareData makes the server's data directory unless there is one from an earlier run.
// A DataDir has two entries: `data`, complete once it has that name, and `password`, the superuser's on TCP.
func (s *Server) prepareData(ctx context.Context, cfg Config) error {
	dir := s.run.path
	if s.dataDir != nil {
		dir = s.dataDir.path
	}
	s.data = dataIn(dir)
	passwordFile := filepath.Join(dir, "password")
	if _, err := os.Stat(s.data); err == nil {
		return s.reuseData(passwordFile)
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s.password = rand.Text()
	if err := s.writeOwned(passwordFile, s.password); err != nil {
		return err
	}
	unfinished := filepath.Join(dir, "data.unfinished")
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := s.initdb(ctx, cfg, unfinished, passwordFile); err != nil {
		return err
	}
	return os.Rename(unfinished, s.data)
}

func (s *Server) reuseData(passwordFile string) error {
	version, err := os.ReadFile(filepath.Join(s.data, "PG_VERSION"))
	if err != nil {
		return fmt.Errorf("%s is not a data directory of PostgreSQL: %w", s.data, err)
	}
	if major := strings.TrimSpace(string(version)); major != strconv.Itoa(s.bin.version.major) {
		return fmt.Errorf("the data in %s are of PostgreSQL %s, the binaries in %s are PostgreSQL %s: "+
			"set SUBMSG_POSTGRES_BIN to binaries of version %s, or use another data directory",
			s.data, major, s.bin.dir, s.bin.version, major)
	}
	password, err := os.ReadFile(passwordFile)
	s.password = string(password)
	return err
}

func (s *Server) initdb(ctx context.Context, cfg Config, dir, passwordFile string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	args := []string{"-D", dir, "-U", superuser, "-A", "trust", "--pwfile", passwordFile,
		"-E", "UTF8", "--locale=C", "--no-instructions"}
	if cfg.Test {
		args = append(args, "--wal-segsize=1")
	}
	if cfg.Test || s.dataDir == nil {
		args = append(args, "--no-sync")
	}
	cmd := s.owner.command(ctx, filepath.Join(s.bin.dir, "initdb"), args...)
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

// writeOwned writes a file that only the server's account can read.
func (s *Server) writeOwned(path, content string) error {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return err
	}
	return s.owner.own(path)
}
