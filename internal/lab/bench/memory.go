package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"time"
)

// memory is the most that `submsg serve` has been resident with. The limit has nothing to send.
func (l suite) memory(ctx context.Context) ([]Line, error) {
	if _, err := os.Stat("/proc/self/status"); errors.Is(err, fs.ErrNotExist) {
		l.step("memory: not measured, this system has no /proc")
		return nil, nil
	}
	var lines []Line
	err := l.withFake(ctx, 30*time.Millisecond, func(f *fake, empty workload) error {
		long, err := l.longQueue(ctx)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("memory, %d waiting", l.cfg.Scale.Backlog)
		m, err := l.turns(ctx, name,
			side{"nothing waiting", func(ctx context.Context) ([]float64, error) { return empty.resident(ctx, f) }},
			side{"submsg", func(ctx context.Context) ([]float64, error) { return long.resident(ctx, f) }})
		if err == nil {
			lines = []Line{compare(name, Bytes, m[1][0], m[0][0], valueAtMost(64<<20))}
		}
		return err
	})
	return lines, err
}

const servingSQL = `
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'submsg listener')`

func (d *database) resident(ctx context.Context, f *fake) (out []float64, err error) {
	err = d.serve(ctx, f, true, func(c *child) error {
		if err := d.await(ctx, "submsg serve to start", servingSQL); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			return nil // stop says why
		case <-time.After(d.cfg.Scale.RestFor):
		}
		bytes, err := peak(c.cmd.Process.Pid)
		out = []float64{bytes}
		return err
	})
	return out, err
}

var peakPattern = regexp.MustCompile(`(?m)^VmHWM:\s*(\d+) kB$`)

// peak is a process's high-water mark of resident memory, in bytes; see proc(5).
func peak(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	m := peakPattern.FindSubmatch(status)
	if m == nil {
		return 0, errors.New("/proc tells no VmHWM")
	}
	kB, err := strconv.ParseFloat(string(m[1]), 64)
	return kB * 1024, err
}
