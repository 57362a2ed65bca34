package outbox_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	stress = flag.Duration("stress", 8*time.Second,
		"how long TestWakeStress writes; 10m is the long form (give -timeout 15m with it)")
	seed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of TestWakeStress's choices")
)

// patience is far beyond what a wake takes, and far below the consumers' poll: what hasn't been picked up by then
// waits for the poll.
const patience = 30 * time.Second

// TestWakeStress has random writers and consumers work against each other, in short rounds. Each round ends in silence,
// because whatever goes on later would wake a consumer, and hide that the round's last message was missed.
func TestWakeStress(t *testing.T) {
	whole := t
	t.Logf("-seed %d -stress %s", *seed, *stress)
	began := time.Now()
	var trials sync.WaitGroup
	for n := range 4 { // side by side, whatever -parallel says: each is idle most of its time
		trials.Go(func() {
			t.Run(fmt.Sprint("trial ", n), func(t *testing.T) {
				a := newTrial(t, rand.New(rand.NewPCG(*seed, uint64(n))))
				a.began = began
				for time.Since(began) < *stress && !whole.Failed() {
					a.round()
				}
				a.audit()
			})
		})
	}
	trials.Wait()
}

// trial is one database with its writers and its consumers.
type trial struct {
	*db
	rng      *rand.Rand
	began    time.Time
	replicas []*replica // consumers, 1 to mostReplicas of them while there are messages
	started  int        // consumers so far
	killed   int
	dying    sync.WaitGroup // killed ones whose goroutines have not ended yet
	rounds   int
	rows     int // committed
	across   int // transactions that were open across the consumers' going to sleep
	sent     ledger
	journal  journal // of this round
}

func newTrial(t *testing.T, rng *rand.Rand) *trial {
	a := &trial{db: newDB(t), rng: rng}
	pooled, err := pgxpool.ParseConfig(a.url)
	a.must(err)
	pooled.MaxConns = 16 // enough for all writers to look at the flag while they hold a transaction open
	a.Pool, err = pgxpool.NewWithConfig(context.Background(), pooled)
	a.must(err)
	t.Cleanup(a.Pool.Close)
	if most := one[string](a.db, `SHOW max_prepared_transactions`); most == "0" {
		t.Fatal("the server needs max_prepared_transactions > 0")
	}
	t.Cleanup(func() {
		for _, m := range a.replicas {
			m.kill(context.Background(), a)
		}
		a.dying.Wait()
	})
	return a
}

// round is one round: the writers prepare what they will change, the consumers are woken up, all act at once, and
// then the test waits until every message is picked up.
func (a *trial) round() {
	a.t.Helper()
	a.rounds++
	a.journal.clear()
	// most often one, whose missed wake no other wake hides
	writers := make([]*application, 1+a.rng.IntN(1+a.rng.IntN(4)))
	for i := range writers {
		writers[i] = newApplication(a, fmt.Sprintf("r%dw%d", a.rounds, i))
		a.must(writers[i].prepare())
	}
	killed := a.killed
	a.must(a.scaleTo(1 + a.rng.IntN(mostReplicas)))
	if a.rng.IntN(4) > 0 {
		a.wakeReplicas()
	}
	events := max(0, a.rng.IntN(5)-2)
	errs := make(chan error, len(writers)+1)
	for _, w := range writers {
		go func() { errs <- w.write() }()
	}
	go func() { errs <- a.changeReplicas(events) }()
	for range cap(errs) {
		a.must(<-errs)
	}
	for _, w := range writers {
		a.rows += w.rows
		if w.across {
			a.across++
		}
	}
	if len(a.replicas) > 1 && a.rng.IntN(3) == 0 { // he hands over what only he knows
		a.must(a.stopReplica(a.rng.IntN(len(a.replicas))))
	}
	a.pickedUp(a.killed > killed)
	if a.killed > killed { // what the dead knew about tries that are due later, his successor finds
		a.must(a.startReplica())
		a.pickedUp(false)
	}
	if a.rounds%200 == 0 {
		a.exec(`VACUUM subMsgList`) // the test server has no autovacuum
	}
}

// wakeReplicas inserts messages until a consumer, busy with them, clears the flag.
func (a *trial) wakeReplicas() {
	for n := range 100 {
		if !a.asked() {
			a.journal.add("woken by %d messages", n)
			return
		}
		label := fmt.Sprintf("r%dwake%d", a.rounds, n)
		a.exec(`INSERT INTO subMsgList (openid, templateId, parameterArr)
			VALUES ($1::text, 't', ARRAY[$1::text])`, label)
		a.rows++
		time.Sleep(between(a.rng, time.Millisecond, 8*time.Millisecond))
	}
	a.journal.add("nobody cleared the flag")
}

// asked tells whether a consumer sleeps, as the triggers see it.
func (a *trial) asked() bool {
	return one[bool](a.db, `SELECT pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1`)
}

// What a consumer has to do by now, or within the minute, without any further wake. A message that a killed consumer
// had in hand ($1) is left to its lease, and to whoever looks next.
const overlookedSQL = `
SELECT coalesce(string_agg(row_to_json(m)::text, E'\n'), '') FROM subMsgList m
WHERE sendStatus = 'wait' AND sendAfter < now() + interval '1 minute' AND (attempts = 0 OR NOT $1)
    AND templateId NOT IN (SELECT templateId FROM subMsgPause)`

// pickedUp waits until every message is.
func (a *trial) pickedUp(killed bool) {
	a.t.Helper()
	a.journal.add("silence")
	for began := time.Now(); ; time.Sleep(3 * time.Millisecond) {
		overlooked := one[string](a.db, overlookedSQL, killed)
		if overlooked == "" {
			return
		}
		if time.Since(began) > patience {
			a.t.Fatalf("missed wake in round %d of -seed %d, after %s: not picked up within %s:\n%s\n%s",
				a.rounds, *seed, began.Sub(a.began).Round(time.Millisecond), patience, overlooked, &a.journal)
		}
	}
}

// audit compares, at the end, the table with what was committed and sent.
func (a *trial) audit() {
	for len(a.replicas) > 0 {
		a.must(a.stopReplica(0))
	}
	a.dying.Wait()
	a.t.Logf("%d rounds, %d messages, %d transactions open across going to sleep, %d consumers, %d killed",
		a.rounds, a.rows, a.across, a.started, a.killed)
	if n := one[int](a.db, `SELECT count(*) FROM subMsgList`); n != a.rows {
		a.t.Errorf("%d rows, %d were committed", n, a.rows)
	}
	rows, err := a.Query(context.Background(), `SELECT parameterArr[1], sendStatus
		FROM subMsgList WHERE sendStatus <> 'wait'`)
	a.must(err)
	var label, status string
	doubtful := 0
	for rows.Next() {
		a.must(rows.Scan(&label, &status))
		switch n := a.sent.count(label); {
		case n > 1, status == "success" && n != 1:
			a.t.Errorf("%s: %s, sent %d times", label, status, n)
		case status == "sending", status == "unknown":
			doubtful++
		}
	}
	a.must(rows.Err())
	if doubtful > 0 && a.killed == 0 {
		a.t.Errorf("%d messages in doubt, though nobody was killed", doubtful)
	}
}

// must ends the trial's test.
func (a *trial) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatalf("round %d of -seed %d: %v\n%s", a.rounds, *seed, err, &a.journal)
	}
}

// between is a random time.
func between(rng *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(rng.Int64N(int64(to-from)))
}

// journal is what everybody did, for the day when a wake is missed.
type journal struct {
	mu    sync.Mutex
	began time.Time
	lines []string
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.began, j.lines = time.Now(), nil
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := fmt.Sprintf("%8.1f ms  ", float64(time.Since(j.began).Microseconds())/1000)
	j.lines = append(j.lines, at+fmt.Sprintf(format, args...))
}

// Write takes the consumers' log.
func (j *journal) Write(line []byte) (int, error) {
	j.add("%s", strings.TrimSpace(string(line)))
	return len(line), nil
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}
