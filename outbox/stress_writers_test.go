package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/submsg/submsg/outbox"
)

// kind is a way to make a message due. $1 is the writer's name, which the messages' labels begin with.
type kind struct {
	name   string
	before []string // committed before the consumers are woken up
	made   int      // rows of that
	during []string // in the writer's transaction
	code   func(context.Context, pgx.Tx, string) error
	rows   int // of the transaction
}

const oneRowSQL = `INSERT INTO subMsgList (openid, templateId, parameterArr) VALUES ($1::text, 't', ARRAY[$1::text])`

var kinds = []kind{
	{name: "one row", during: []string{oneRowSQL}, rows: 1},
	{name: "bulk", rows: 40, during: []string{
		`INSERT INTO subMsgList (openid, templateId, parameterArr)
			SELECT $1 || '.' || n, 'slow', ARRAY[$1 || '.' || n] FROM generate_series(1, 40) AS n`}},
	{name: "several rows", rows: 3, code: func(ctx context.Context, tx pgx.Tx, name string) error {
		_, err := outbox.Insert(ctx, tx, labelled(name, 1), labelled(name, 2), labelled(name, 3))
		return err
	}},
	{name: "copy", rows: 3, code: func(ctx context.Context, tx pgx.Tx, name string) error {
		rows := pgx.CopyFromSlice(3, func(n int) ([]any, error) {
			m := labelled(name, n)
			return []any{m.OpenID, m.TemplateID, m.Params}, nil
		})
		columns := []string{"openid", "templateid", "parameterarr"}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"submsglist"}, columns, rows)
		return err
	}},
	{name: "due soon", rows: 1, during: []string{
		`INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter)
		 VALUES ($1::text, 't', ARRAY[$1::text], clock_timestamp() + (hashtext($1) & 255) * interval '1 ms')`}},
	{name: "one person", rows: 3, during: []string{
		`INSERT INTO subMsgList (openid, templateId, parameterArr)
			SELECT 'same', 'slow', ARRAY[$1 || '.' || n] FROM generate_series(1, 3) AS n`}},
	{name: "taken at the second try", rows: 1, during: []string{
		`INSERT INTO subMsgList (openid, templateId, parameterArr)
			VALUES ($1::text, 'slow', ARRAY[$1::text, 'later'])`}},
	{name: "savepoint rolled back", rows: 1, during: []string{
		`SAVEPOINT a`, `INSERT INTO subMsgList (openid, templateId) VALUES ('gone', 't')`, `ROLLBACK TO a`, oneRowSQL}},
	{name: "savepoint released", rows: 1, during: []string{
		`SAVEPOINT a`, `SAVEPOINT b`, oneRowSQL, `RELEASE b`, `SAVEPOINT c`,
		`INSERT INTO subMsgList (openid, templateId) VALUES ('gone', 't')`, `ROLLBACK TO c`, `RELEASE a`}},
	{name: "back to wait", made: 1, before: []string{
		`INSERT INTO subMsgList (openid, templateId, parameterArr, sendStatus)
			VALUES ($1::text, 't', ARRAY[$1::text], 'fail')`},
		during: []string{`UPDATE subMsgList SET sendStatus = 'wait' WHERE openid = $1`}},
	{name: "brought forward", made: 1, before: []string{
		`INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter)
			VALUES ($1::text, 't', ARRAY[$1::text], 'infinity')`},
		during: []string{`UPDATE subMsgList SET sendAfter = clock_timestamp() + (hashtext($1) & 127) * interval '1 ms'
			WHERE openid = $1`}},
	{name: "pause lifted", made: 2, before: []string{
		`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ($1, 'by hand', 'infinity')`,
		`INSERT INTO subMsgList (openid, templateId, parameterArr)
			SELECT $1 || '.' || n, $1, ARRAY[$1 || '.' || n] FROM generate_series(1, 2) AS n`},
		during: []string{`DELETE FROM subMsgPause WHERE templateId = $1`}},
	{name: "order", rows: 1, before: []string{
		`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ($1, $1, 'c', 1, 2)`},
		during: []string{`UPDATE orders SET isSendMsg = true WHERE openid = $1`}},
}

func labelled(name string, n int) outbox.Message {
	label := fmt.Sprint(name, ".", n)
	return outbox.Message{OpenID: label, TemplateID: "t", Params: []string{label}}
}

// application is one that writes messages, in one transaction.
type application struct {
	kind
	a        *trial
	rng      *rand.Rand
	name     string
	level    pgx.TxIsoLevel
	twoPhase bool
	gone     bool // rolled back in the end
	across   bool // nobody slept when it began, somebody did when it ended
}

func newApplication(a *trial, name string) *application {
	w := &application{a: a, rng: rand.New(rand.NewPCG(a.rng.Uint64(), a.rng.Uint64())), name: name}
	w.kind = kinds[w.rng.IntN(len(kinds))]
	w.level = []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable}[w.rng.IntN(3)]
	w.twoPhase, w.gone = w.rng.IntN(3) == 0, w.rng.IntN(10) == 0
	return w
}

// prepare commits the rows that write will change.
func (w *application) prepare() error {
	for _, sql := range w.before {
		if _, err := w.a.Exec(context.Background(), sql, w.name); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	w.a.rows += w.made
	return nil
}

// errNotified is what Postgres says to PREPARE TRANSACTION after a NOTIFY.
var errNotified = errors.New("cannot be prepared, it has notified")

// write runs the transaction, again where an application would; afterwards rows says how many it has committed.
func (w *application) write() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	time.Sleep(between(w.rng, 0, 80*time.Millisecond)) // the consumers fall asleep in this time
	for {
		err := w.transaction(ctx)
		w.note("%s: %v", w.kind.name, err)
		if pg := new(pgconn.PgError); errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01") {
			continue
		}
		if errors.Is(err, errNotified) {
			w.twoPhase = false
			continue
		}
		if w.gone {
			w.rows = 0
		}
		return err
	}
}

func (w *application) transaction(ctx context.Context) error {
	conn, err := w.a.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	tx, err := conn.Conn().BeginTx(ctx, pgx.TxOptions{IsoLevel: w.level})
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	awake := !w.a.asked()
	w.note("begins, %s, two-phase %t, rolls back %t", w.level, w.twoPhase, w.gone)
	for _, sql := range w.during {
		var args []any
		if strings.Contains(sql, "$1") {
			args = []any{w.name}
		}
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		w.note("%s", sql)
		if w.rng.IntN(2*len(w.during)) == 0 {
			w.hold()
		}
	}
	if w.code != nil {
		if err := w.code(ctx, tx, w.name); err != nil {
			return err
		}
	}
	w.hold()
	w.across = awake && w.a.asked()
	if w.twoPhase {
		return w.inTwoPhases(ctx, conn.Conn())
	}
	if w.gone {
		return tx.Rollback(ctx)
	}
	return tx.Commit(ctx)
}

func (w *application) inTwoPhases(ctx context.Context, conn *pgx.Conn) error {
	id := "'" + conn.Config().Database + " " + w.name + "'"
	if _, err := conn.Exec(ctx, "PREPARE TRANSACTION "+id); err != nil {
		if pg := new(pgconn.PgError); errors.As(err, &pg) && pg.Code == "0A000" {
			return errNotified
		}
		return err
	}
	w.note("prepared")
	w.hold()
	end := map[bool]string{true: "ROLLBACK", false: "COMMIT"}[w.gone]
	_, err := conn.Exec(ctx, end+" PREPARED "+id)
	return err
}

// hold keeps the transaction open: not at all, for a random time of any order of magnitude, or until the consumers
// sleep.
func (w *application) hold() {
	anyTime := func(most time.Duration) time.Duration {
		return time.Duration(math.Pow(float64(most), w.rng.Float64()))
	}
	switch w.rng.IntN(4) {
	case 1:
		time.Sleep(anyTime(100 * time.Millisecond))
	case 2, 3:
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline) && !w.a.asked(); {
			time.Sleep(time.Millisecond)
		}
		w.note("the consumers sleep: %t", w.a.asked())
		time.Sleep(anyTime(40 * time.Millisecond))
	}
}

func (w *application) note(format string, args ...any) {
	w.a.journal.add("%s", w.name+" "+fmt.Sprintf(format, slices.Clone(args)...))
}
