package pgembed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

var testSettings = map[string]string{
	"fsync":              "off",
	"synchronous_commit": "off",
	"full_page_writes":   "off",
	"autovacuum":         "off",
	"max_connections":    "300",
	// Two-phase commit is off by default.
	"max_prepared_transactions": "64",
	// Shared memory stands in files among the data, where a killed server can't leave it behind.
	"dynamic_shared_memory_type": "mmap",
}

// serve runs the server until it answers, once more on another port if the one we picked was taken in between.
func (s *Server) serve(ctx context.Context, cfg Config) error {
	for attempt := 1; ; attempt++ {
		if err := s.endpoint.pickPort(); err != nil {
			return err
		}
		if err := s.launch(cfg); err != nil {
			return err
		}
		err := s.awaitReady(ctx)
		if errors.Is(err, errExited) && s.endpoint.any && attempt < 5 {
			s.cmd, s.done = nil, make(chan struct{})
			continue
		}
		return err
	}
}

func (s *Server) launch(cfg Config) error {
	args := []string{"-D", s.data}
	settings := s.settings(cfg)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	// The server is not bound to the start's context, because it outlives it.
	cmd := s.owner.command(context.Background(), filepath.Join(s.bin.dir, "postgres"), args...)
	cmd.Stdout = s.logWriter(cfg)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.reaper.watch(s.stopSignals()[0], cmd.Process.Pid)
	s.cmd = cmd
	go func(done chan struct{}) {
		s.exitErr = cmp.Or(cmd.Wait(), errors.New("exit status 0"))
		s.reaper.unwatch()
		close(done)
	}(s.done)
	return nil
}

func (s *Server) settings(cfg Config) map[string]string {
	settings := map[string]string{}
	if cfg.Test {
		maps.Copy(settings, testSettings)
	}
	maps.Copy(settings, cfg.Settings)
	maps.Copy(settings, map[string]string{
		"port":                    strconv.Itoa(s.endpoint.port),
		"listen_addresses":        "",
		"unix_socket_directories": s.run.path,
	})
	if s.endpoint.host.IsValid() {
		settings["listen_addresses"] = s.endpoint.host.String()
	}
	return settings
}

// ownerOnlySQL takes from everybody what PostgreSQL 15 and later don't give any more.
const ownerOnlySQL = `DO $$ BEGIN
    IF NOT pg_is_in_recovery() THEN REVOKE CREATE ON SCHEMA public FROM PUBLIC; END IF;
END $$`

var errExited = errors.New("postgres did not start")

// awaitReady returns when the server answers by its socket, and nobody but the owner makes objects in it.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := pgconn.Connect(ctx, s.socketURL("postgres"))
		if err == nil {
			_, err := conn.Exec(ctx, ownerOnlySQL).ReadAll()
			return errors.Join(err, conn.Close(ctx))
		}
		select {
		case <-s.done:
			return fmt.Errorf("%w: %w", errExited, s.exitErr)
		case <-ctx.Done():
			return fmt.Errorf("postgres started but did not answer: %w", errors.Join(ctx.Err(), err))
		case <-time.After(10 * time.Millisecond):
		}
	}
}
