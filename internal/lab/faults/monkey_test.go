//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// monkey is a person at a SQL client who does whatever comes to mind, and remembers what it means for each message.
type monkey struct {
	l      *lab
	mu     sync.Mutex // of the lab
	dice   *rand.Rand
	guards bool      // the table's triggers fire
	client *pgx.Conn // doesn't wait long for locks
	other  *pgx.Conn // holds them

	asked      map[string]*request // by openid
	stale      []row               // read a while ago
	held       *held
	answers    map[string]int // the errors, with their numbers left out
	setUnknown int            // rows
	disarmed   int            // how often triggers were switched
}

// request is what people asked for with one row.
type request struct {
	sends  int             // at most: one for the INSERT, one for each time it was set back to wait
	words  map[string]bool // that it ever held
	since  time.Time       // when it was last set to wait
	unsure bool            // a person judged, or sent again, what may have been on its way: no status is false then
	byHand string          // the status that a person wrote last; "" after wait
	gone   bool            // deleted
}

// row is a row as a SQL client reads it, all of its columns as JSON and three apart.
type row struct {
	id             int64
	openid, status string
	whole          string
}

// held is a transaction that stays open for some more steps.
type held struct {
	tx     pgx.Tx
	steps  int
	commit func() // what its commit means
}

func (l *lab) monkey(guards bool) *monkey {
	m := &monkey{l: l, dice: rand.New(rand.NewPCG(*seed, 99)), guards: guards,
		asked: make(map[string]*request), answers: make(map[string]int)}
	for _, conn := range []**pgx.Conn{&m.client, &m.other} {
		c, err := pgx.Connect(context.Background(), l.url)
		if err != nil {
			l.t.Fatal(err)
		}
		l.t.Cleanup(func() { c.Close(context.Background()) })
		*conn = c
	}
	m.exec(`SET lock_timeout = '10ms'`)
	return m
}

func (m *monkey) exec(sql string, args ...any) {
	m.l.t.Helper()
	if _, err := m.client.Exec(context.Background(), sql, args...); err != nil {
		m.l.t.Fatalf("%s: %v", sql, err)
	}
}

// insert keeps enough messages waiting.
func (m *monkey) insert() {
	before := m.l.keys.Load()
	m.mu.Lock()
	m.l.keep(100)
	m.mu.Unlock()
	for k := before + 1; k <= m.l.keys.Load(); k++ {
		m.asked[fmt.Sprintf("%s%012d", openidPrefix, k)] = &request{sends: 1, words: map[string]bool{phone: true}}
	}
}

var statuses = []string{"wait", "sending", "success", "fail", "unknown", "cancel", "expired"}

// legal is what a person may write over each status, while the guards work; sending depends on the lease.
var legal = map[string][]string{
	"wait":    {"cancel", "expired"},
	"success": {"wait"},
	"fail":    {"wait", "cancel"},
	"unknown": {"wait", "success", "fail", "cancel", "expired"},
	"cancel":  {"wait"},
	"expired": {"wait", "cancel"},
}

// pick reads one of the last rows, of each status as often as of any other; ok is false if there is none.
func (m *monkey) pick() (r row, ok bool) {
	err := m.client.QueryRow(context.Background(), `SELECT id, openid, sendStatus, to_jsonb(m)::text FROM subMsgList m
		WHERE id = (SELECT id FROM (SELECT DISTINCT ON (sendStatus) id, sendStatus
			FROM (SELECT id, sendStatus FROM subMsgList ORDER BY id DESC LIMIT 400) AS last
			ORDER BY sendStatus, md5(id || $1)) AS one ORDER BY md5(sendStatus || $1) LIMIT 1)`, fmt.Sprint(m.dice.Uint64())).
		Scan(&r.id, &r.openid, &r.status, &r.whole)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		m.l.t.Fatal(err)
	}
	return r, err == nil
}

// setStatus writes a status over that of r, unless it has changed since it was read. set is what else is written.
func (m *monkey) setStatus(on queryer, r row, to, set string, args ...any) (meaning func()) {
	if !m.guards && set == "" { // by hand everything has to fit, or a CHECK refuses it
		set = `, leaseUntil = CASE WHEN $4 = 'sending' THEN now() + interval '1 s' END,
			claimId = CASE WHEN $4 = 'sending' THEN gen_random_uuid() ELSE claimId END`
	}
	var at time.Time
	err := on.QueryRow(context.Background(), `UPDATE subMsgList SET sendStatus = $4`+set+`
		WHERE id = $1 AND openid = $2 AND sendStatus = $3 RETURNING clock_timestamp()`,
		append([]any{r.id, r.openid, r.status, to}, args...)...).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	refused := m.hear(r, err)
	if r.status == to {
		if m.guards && refused && r.status != "sending" && !locked(err) {
			m.l.t.Errorf("broken promises: no change of %s was refused: %v", to, err)
		}
		return nil
	}
	m.judge(r, to, set != "", err)
	if err != nil {
		return nil
	}
	return func() { m.note(r, to, at) }
}

// judge fails the test if the guards let by what they should refuse, or refused what people may do.
func (m *monkey) judge(r row, to string, whole bool, err error) {
	m.l.t.Helper()
	switch {
	case !m.guards || locked(err) || to == "wait" && overdue(err):
	case whole && r.status == "wait" && to == "sending" && err == nil:
		// Read while it was being sent and written back over one that waits, it can't be told from a claim. It becomes
		// unknown when that lease is over, and is neither sent twice nor said to be what it isn't.
	case r.status == "sending" && err == nil && m.leaseRuns(r):
		m.l.t.Errorf("broken promises: message %d was set from sending to %s during its lease", r.id, to)
	case r.status != "sending" && (err == nil) != slices.Contains(legal[r.status], to):
		m.l.t.Errorf("broken promises: from %s to %s by hand: error %v", r.status, to, err)
	}
}

// leaseRuns tells whether r, read as sending, was within its lease when it was read and still would be.
func (m *monkey) leaseRuns(r row) (yes bool) {
	const runsSQL = `SELECT ($1::jsonb->>'leaseuntil')::timestamptz > clock_timestamp()`
	err := m.l.admin.QueryRow(context.Background(), runsSQL, r.whole).Scan(&yes)
	if err != nil {
		m.l.t.Fatal(err)
	}
	return yes
}

type queryer interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}

// note remembers that a person wrote a status.
func (m *monkey) note(r row, to string, at time.Time) {
	q := m.asked[r.openid]
	inDoubt := r.status == "sending" || r.status == "unknown"
	switch to {
	case "wait":
		q.sends++
		q.since, q.byHand, q.unsure = at, "", inDoubt
	default:
		q.byHand = to
		q.unsure = q.unsure || inDoubt || to == "sending" || !m.guards
		if to == "unknown" || to == "sending" {
			m.setUnknown++
		}
	}
	total.inject("sendStatus written by hand", 1)
}

// sentences are all the errors that a person may get to see; those of the guards name the message and have a hint.
var sentences = []struct {
	code, pattern string
	guard         bool
}{
	{"55P03", `^canceling statement due to lock timeout$`, false},
	{"40P01", `^deadlock detected$`, false},
	{"23514", `^new row for relation "submsglist" violates check constraint "(sendstatus_is_|sending_and_only_)\w+"$`, false},
	{"23502", `^null value in column "sendstatus" of relation "submsglist" violates not-null constraint$`, false},
	{"55006", `^message (\d+) is being sent, until .+ at the latest; its sendStatus can't be changed before$`, true},
	{"23514", `^message (\d+): sendStatus can't be changed from \w+ to \w+ by hand$`, true},
	{"23514", `^message (\d+): its expireTime .+ is over, so it can't wait to be sent$`, true},
}

// hear checks an error's words and counts it.
func (m *monkey) hear(r row, err error) (refused bool) {
	if err == nil {
		return false
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		m.l.t.Fatal(err)
	}
	for _, s := range sentences {
		words := pg.Message
		if s.guard { // the guard's message is Chinese
			words = pg.Detail
		}
		found := regexp.MustCompile(s.pattern).FindStringSubmatch(words)
		if pg.Code != s.code || found == nil {
			continue
		}
		if s.guard && (found[1] != fmt.Sprint(r.id) || !strings.HasPrefix(pg.Message, "消息 "+found[1]) ||
			pg.Hint == "") {
			break
		}
		m.answers[numbers.ReplaceAllString(words, "…")]++
		total.inject("hand edit refused", 1)
		return true
	}
	m.l.t.Errorf("an edit of message %d was answered with %s %q, detail %q, hint %q",
		r.id, pg.Code, pg.Message, pg.Detail, pg.Hint)
	return true
}

var numbers = regexp.MustCompile(`\d[\d:.+ -]*`)

func locked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

func overdue(err error) bool {
	pg := new(pgconn.PgError)
	return errors.As(err, &pg) && strings.Contains(pg.Detail, "is over, so it can't wait")
}

func (m *monkey) heard(sentence string) bool {
	for text := range m.answers {
		if strings.Contains(text, sentence) {
			return true
		}
	}
	return false
}
