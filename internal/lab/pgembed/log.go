package pgembed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// newLog makes a file without a name: the server's account has its handle, and can't put another file in its place.
func newLog(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "submsg-log-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// logWriter is the log file itself where nobody else listens: the server then needs no pipe, and no goroutine, to write
// to.
func (s *Server) logWriter(cfg Config) io.Writer {
	if cfg.Log == nil {
		return s.log
	}
	return io.MultiWriter(s.log, cfg.Log)
}

// explain adds the end of the server's log to an error.
func (s *Server) explain(err error) error {
	if s.log == nil {
		return err
	}
	const most = 16 << 10
	info, statErr := s.log.Stat()
	if statErr != nil {
		return err
	}
	content, _ := io.ReadAll(io.NewSectionReader(s.log, max(0, info.Size()-most), most))
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) > 20 {
		lines = lines[len(lines)-20:]
	}
	if tail := strings.Join(lines, "\n\t"); tail != "" {
		return fmt.Errorf("%w; the server said:\n\t%s", err, tail)
	}
	return err
}
