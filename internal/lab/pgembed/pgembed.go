// Package pgembed finds PostgreSQL binaries and runs a private server with them, for tests, demonstrations and
// benchmarks. It knows no table and no submsg: what it hands out is the URL of an empty server.
//
// Begin reading at Start in this file. find.go says where binaries are sought, data.go how a cluster is made, serve.go
// how it is started, and reaper.go how it is ended when the caller is killed.
//
// # Promises
//
// The server is a child process with a directory of its own. Nothing is installed and nothing is shared. Whatever ends
// the caller, a SIGKILL included, also ends the server and removes what was temporary. The server listens on a Unix
// socket that only its owner and root can reach; it listens on TCP only if asked to, and only on loopback addresses.
//
// PostgreSQL refuses to run as root, so root runs it as `postgres` or `nobody`. That account may be hostile, and so may
// every other one on the machine. Root makes the server's folder and hands it over empty; from then on only processes
// of the account's read, write, signal and remove there (account.go), and what they print is bounded. They get no
// secret of the environment and no terminal. Root signals only its own children. It runs and writes only what nobody
// else could exchange (trust.go).
package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Config says which server to run, where and how. The zero value runs a durable server in a temporary directory.
type Config struct {
	BinDir   string            // folder with initdb and postgres; "" means: find one
	DataDir  string            // kept between runs; "" means: a fresh one, removed by Stop
	Listen   string            // "" is the Unix socket only; "127.0.0.1:5544" or "127.0.0.1:0" adds TCP
	Test     bool              // fast and forgetful (fsync off, in memory where there is room)
	Settings map[string]string // further server settings, by their names in postgresql.conf
	Log      io.Writer         // gets a copy of the server's log
}

// startTimeout bounds initdb and the server's start each; crash recovery of a kept DataDir is the slow case.
const startTimeout = 2 * time.Minute

// Server is a running PostgreSQL.
type Server struct {
	bin      binaries
	owner    account
	run      *lockedDir // socket and, unless DataDir was given, the data
	dataDir  *lockedDir // the caller's DataDir, nil when the data is temporary
	data     string     // PGDATA
	reaper   *reaper
	endpoint endpoint
	log      *os.File // without a name
	password string   // of the superuser, on TCP

	cmd      *exec.Cmd
	exitErr  error // valid once done is closed
	done     chan struct{}
	stopOnce sync.Once
	stopErr  error
}

// Start runs a server and returns when it answers. Cancelling ctx stops the start, not the server that has started.
// An error carries the end of the server's log.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	endpoint, err := parseListen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	owner, err := serverAccount()
	if err != nil {
		return nil, err
	}
	bin, err := find(ctx, cfg.BinDir, owner)
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, owner: owner, endpoint: endpoint, done: make(chan struct{})}
	if err := s.start(ctx, cfg); err != nil {
		err = s.explain(err)
		_ = s.Stop() // what it says is in err already, or follows from it
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, cfg Config) (err error) {
	if s.run, err = newRunDir(ctx, s.owner, cfg.Test); err != nil {
		return err
	}
	if s.log, err = newLog(filepath.Dir(s.run.path)); err != nil {
		return err
	}
	if cfg.DataDir != "" {
		if s.dataDir, err = openDataDir(ctx, cfg.DataDir, s.owner); err != nil {
			return err
		}
	}
	if s.reaper, err = startReaper(s.owner, s.run, s.dataDir); err != nil {
		return err
	}
	if err := s.prepareData(ctx, cfg); err != nil {
		return err
	}
	return s.serve(ctx, cfg)
}

// BinDir is the folder the server was started from. psql and pg_dump may be there; some packages have none.
func (s *Server) BinDir() string { return s.bin.dir }

// PID is the number of the server's first process, which is a child of this one.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Signal sends the server's first process a signal; os.ErrProcessDone says that it has ended.
func (s *Server) Signal(signal os.Signal) error { return s.cmd.Process.Signal(signal) }

// Done is closed when the server has exited, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server, and removes its data if they were temporary. It may be called again.
// Its error says so when the server had already gone by itself.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() { s.stopErr = s.stop() })
	return s.stopErr
}

func (s *Server) stop() error {
	var errs []error
	if s.cmd != nil {
		errs = append(errs, s.stopServer())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.run != nil {
		errs = append(errs, s.owner.remove(s.run.path))
	}
	if s.reaper != nil {
		s.reaper.dismiss()
	}
	for _, d := range []*lockedDir{s.run, s.dataDir} {
		if d != nil {
			errs = append(errs, d.lock.Close())
		}
	}
	return errors.Join(errs...)
}

// stopSignals ask more firmly each time, as in "Shutting Down the Server" of the PostgreSQL documentation: kept data
// get the time for a last checkpoint, nobody needs temporary data to be written out.
func (s *Server) stopSignals() []syscall.Signal {
	if s.dataDir == nil {
		return []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL}
	}
	return []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}
}

func (s *Server) stopServer() error {
	select {
	case <-s.done:
		return s.explain(fmt.Errorf("postgres had stopped by itself: %w", s.exitErr))
	default:
	}
	for _, signal := range s.stopSignals() {
		if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop postgres: %w", err)
		}
		select {
		case <-s.done:
			return nil
		case <-time.After(30 * time.Second):
		}
	}
	return errors.New("stop postgres: it survived every signal")
}
