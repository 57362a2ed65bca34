package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// spentCPU is the time of processors that was used, by this process and by the server. The server's is 0 where that is
// on another machine, or its processes can't be looked at.
type spentCPU struct{ own, server time.Duration }

func (c spentCPU) since(before spentCPU) spentCPU {
	return spentCPU{c.own - before.own, max(0, c.server-before.server)}
}

// a message's share of it, in seconds.
func (c spentCPU) each(n int) []float64 {
	return []float64{c.own.Seconds() / float64(n), c.server.Seconds() / float64(n)}
}

func ownCPU() (used time.Duration, err error) {
	var u syscall.Rusage
	err = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// cpu is what was used up to now. Whoever compares two of them keeps the same sessions open in between, because what a
// session has used is gone with it.
func (d *database) cpu(ctx context.Context) (used spentCPU, err error) {
	if used.own, err = ownCPU(); err != nil || d.server == nil {
		return used, err
	}
	rows, _ := d.pool.Query(ctx, `SELECT pid FROM pg_stat_activity`) // its error comes from CollectRows
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return used, err
	}
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has ended, or this system has no /proc
		}
		if err != nil {
			return used, err
		}
		ticks, err := processorTicks(string(stat))
		if err != nil {
			return used, err
		}
		used.server += time.Duration(ticks) * (time.Second / ticksPerSecond)
	}
	return used, nil
}

// ticksPerSecond is USER_HZ, in which Linux tells the times of processes on all machines that Go runs on.
const ticksPerSecond = 100

// processorTicks reads fields 14 and 15 of /proc/PID/stat, utime and stime: see proc(5). The second field is a name,
// which may hold anything, in parentheses.
func processorTicks(stat string) (ticks int64, err error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const utime = 14 - 3 // the first field after the name is the third
	if len(fields) <= utime+1 {
		return 0, fmt.Errorf("/proc tells of a process only %q", stat)
	}
	for _, field := range fields[utime : utime+2] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc tells of a process: %w", err)
		}
		ticks += n
	}
	return ticks, nil
}
