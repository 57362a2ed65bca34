//go:build faults

package faults

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/failpoint"
)

// soon is how long submsg may take to be back at work once the database is.
const soon = 2 * time.Second

// ask reads one integer over a connection of its own, or tells why it can't.
func (l *lab) ask(sql string, args ...any) (n int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, l.admin.Config().ConnString())
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	return n, conn.QueryRow(ctx, sql, args...).Scan(&n)
}

// insist is insert where the database may fail: it tries until the messages are there, once each.
func (l *lab) insist(n int) {
	l.t.Helper()
	first := l.keys.Add(int64(n)) - int64(n) + 1
	l.within(time.Minute, "messages are inserted", func() bool {
		return l.offer(first, n) == nil
	})
}

// offer inserts messages with certain keys; what is there already stays as it is.
func (l *lab) offer(first int64, n int) error {
	_, err := l.ask(`WITH m AS (INSERT INTO subMsgList (openid, templateId, parameterArr, dedupKey)
		SELECT $3 || lpad(k::text, 12, '0'), 'orderStatus', ARRAY['生椰拿铁', '19.9', '已发货', 'm' || k], 'm' || k
		FROM generate_series($1::bigint, $2::bigint) AS k ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM m`,
		first, first+int64(n)-1, openidPrefix)
	return err
}

const (
	successSQL = `SELECT count(*) FROM subMsgList WHERE sendStatus = 'success'`
	waitSQL    = `SELECT count(*) FROM subMsgList WHERE sendStatus = 'wait'`
)

// progress waits until n more messages are sent.
func (l *lab) progress(n int) {
	l.t.Helper()
	want := l.wechat.Stats().Accepted + n
	l.within(time.Minute, fmt.Sprint(n, " more messages are sent"), func() bool {
		return l.wechat.Stats().Accepted >= want
	})
}

// load lets at least n messages wait, and submsg be in the middle of sending them.
func (l *lab) load(n int) {
	l.t.Helper()
	l.within(time.Minute, "the database answers", func() bool {
		waiting, err := l.ask(waitSQL)
		if err == nil && waiting < n {
			l.insist(2 * n)
		}
		return err == nil
	})
	l.progress(1)
}

// recovery is how long submsg took to be back at work, at most.
type recovery struct{ worst time.Duration }

// back waits for the database, and then until submsg has settled a message, which must come soon.
func (l *lab) back(r *recovery) {
	l.t.Helper()
	before := 0
	l.within(time.Minute, "the database is back", func() (ok bool) {
		var err error
		before, err = l.ask(successSQL)
		return err == nil
	})
	since := time.Now()
	l.insist(1) // there is something to do
	took := l.within(time.Minute, "a message is settled", func() bool {
		n, err := l.ask(successSQL)
		return err == nil && n > before
	})
	took = max(took, time.Since(since))
	if took > soon {
		l.t.Errorf("%s after the database was back the first message was settled", took)
	}
	r.worst = max(r.worst, took)
}

// finish lets every message come to an end, one that was unknown for a while too, and counts.
func (l *lab) finish(mostUnknown int) outcome {
	l.t.Helper()
	l.quiesce(time.Minute)
	l.settled(mostUnknown)
	return l.check(mostUnknown)
}

// settled waits for the late answers to messages that were unknown for a while. Where one never comes, the test says
// what each of those rows holds, and what the logs say of it: otherwise nobody could tell a claim that was lost from a
// slow machine.
func (l *lab) settled(mostUnknown int) {
	l.t.Helper()
	defer func() {
		if l.t.Failed() {
			l.tellOfUnknown()
		}
	}()
	l.within(10*time.Second, "late answers settle", func() bool {
		return l.count(`sendStatus = 'unknown'`) <= mostUnknown
	})
}

// tellOfUnknown logs the first unknown rows, and the lines of the workers' logs that name them.
func (l *lab) tellOfUnknown() {
	l.t.Helper()
	rows, err := l.admin.Query(context.Background(),
		`SELECT id, row_to_json(m)::text FROM subMsgList m WHERE sendStatus = 'unknown' ORDER BY id LIMIT 10`)
	if err != nil {
		l.t.Log(err)
		return
	}
	var id int64
	var row string
	_, err = pgx.ForEachRow(rows, []any{&id, &row}, func() error {
		l.t.Logf("unknown: %s", strings.ReplaceAll(row, openidPrefix, ""))
		for _, w := range l.workers {
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, fmt.Sprintf(" id=%d ", id)) {
					l.t.Logf("%s: %s", w.name, line)
				}
			}
		}
		return nil
	})
	if err != nil {
		l.t.Log(err)
	}
}

// memory is the resident memory of a worker in MB.
func (w *worker) memory() int {
	w.l.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		w.l.t.Fatal(err)
	}
	var kb int
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			break
		}
	}
	return kb / 1024
}

var goroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[.*\]:$`)

// closing is in the stacks while a connection is being closed: the pool gives one that doesn't answer 15 s for that.
var closing = regexp.MustCompile(`pgconn\.\(\*PgConn\)\.(Close|asyncClose)`)

// goroutines counts those of a worker that don't hold an idle HTTP connection, when none closes a connection any more.
func (w *worker) goroutines() (n int) {
	w.l.t.Helper()
	var stacks string
	w.l.within(time.Minute, w.name+" has closed the connections that it gave up", func() bool {
		stacks = w.stacks()
		return !closing.MatchString(stacks)
	})
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if goroutine.MatchString(stack) && !strings.Contains(stack, "net/http.(*persistConn)") {
			n++
		}
	}
	return n
}

// stacks are those of a worker's goroutines.
func (w *worker) stacks() string {
	w.l.t.Helper()
	before := len(w.log.String())
	w.signal(syscall.SIGUSR1)
	said := func() string { return w.log.String()[before:] }
	w.l.within(20*time.Second, w.name+" has printed its goroutines",
		func() bool { return strings.Contains(said(), failpoint.EndOfStacks) })
	return said()
}

// What a worker may have more of after faults than one that has seen none. Memory: the garbage collector's freedom, of
// which the race for a few MB is no leak.
const (
	moreMemory     = 16 // MB
	moreGoroutines = 8
)

// flat compares a worker that has been through faults with one that has done quiet work on the same database. Both end.
func (l *lab) flat(tried *worker) {
	l.t.Helper()
	l.quiesce(time.Minute)
	l.settled(0) // by the worker that has the answers, which ends here
	memory := tried.memory()
	goroutines := tried.goroutines()
	// Killed, it could leave a claim that is on its way to Postgres, and takes what is inserted next. The pool gives
	// connections that don't answer 15 s to close.
	tried.terminate(40 * time.Second)
	fresh := l.startPatient() // a send that a busy machine holds up is no leak
	first := l.wechat.Stats().Accepted
	l.insert(200)
	l.quiesce(time.Minute)
	if l.wechat.Stats().Accepted < first+200 {
		l.tellOfUnknown()
		l.t.Fatal("not all of the last messages were sent")
	}
	freshMemory := fresh.memory()
	freshGoroutines := fresh.goroutines()
	fresh.terminate(20 * time.Second)
	l.t.Logf("after faults %d MB, %d goroutines; without %d MB, %d", memory, goroutines, freshMemory, freshGoroutines)
	if memory > freshMemory+moreMemory || goroutines > freshGoroutines+moreGoroutines {
		l.t.Errorf("after faults %d MB and %d goroutines, without %d MB and %d",
			memory, goroutines, freshMemory, freshGoroutines)
	}
}
