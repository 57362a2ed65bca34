package outbox_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// prepare makes a message in a transaction that is then prepared, and returns its name. Without an error, the message
// is there when the transaction is finished by COMMIT PREPARED or ROLLBACK PREPARED, from any session.
func (d *db) prepare(conn *pgx.Conn, n int) (name string, err error) {
	d.t.Helper()
	name = fmt.Sprintf("'%s %d'", conn.Config().Database, n)
	for _, sql := range []string{"BEGIN", fmt.Sprintf(`INSERT INTO subMsgList (openid, templateId)
		VALUES ('o%d', 't')`, n)} {
		if _, err := conn.Exec(d.t.Context(), sql); err != nil {
			d.t.Fatal(err)
		}
	}
	_, err = conn.Exec(d.t.Context(), "PREPARE TRANSACTION "+name)
	return name, err
}

// While a consumer sleeps, inserts notify, and Postgres lets nobody prepare what has notified.
func TestTwoPhaseCommitWhileAsleep(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	run(t, config(d, ch))
	conn := newAdmin(t, d.url)
	d.asleep()
	_, err := d.prepare(conn, 1)
	const refusal = "cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY"
	if pg := new(pgconn.PgError); !errors.As(err, &pg) || pg.Code != "0A000" || pg.Message != refusal {
		t.Errorf("prepared after a NOTIFY: %v", err)
	}
	if n := one[int](d, `SELECT count(*) FROM subMsgList`); n != 0 || conn.PgConn().TxStatus() != 'I' {
		t.Errorf("%d messages of a transaction that wasn't prepared, status %c", n, conn.PgConn().TxStatus())
	}
}

// What was prepared while the consumer was awake is found when it is committed, however long after it fell asleep.
func TestPreparedAcrossSleep(t *testing.T) {
	t.Parallel()
	d, gate := newDB(t), make(chan struct{})
	ch := &channel{answer: gated(gate)}
	cfg := config(d, ch)
	cfg.Senders = 2
	run(t, cfg)
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'busy' || n, 't' FROM generate_series(1, 20) AS n`)
	for range 4 {
		gate <- struct{}{}
	}
	eventually(t, "the flag is cleared", func() bool {
		return one[bool](d, `SELECT pg_sequence_last_value('subMsgWake'::regclass) IS DISTINCT FROM 1`)
	})
	conn := newAdmin(t, d.url)
	var names [3]string
	for n := range names {
		var err error
		if names[n], err = d.prepare(conn, n); err != nil {
			t.Fatal(err)
		}
	}
	close(gate)
	eventually(t, "the others are sent", func() bool { return ch.count() == 20 })
	for n, end := range []string{"COMMIT", "ROLLBACK", "COMMIT"} {
		d.asleep()
		d.exec(end + " PREPARED " + names[n])
	}
	eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 22 })
}

// Without listening consumers two-phase commit always works, also where one has been before and went to sleep.
func TestTwoPhaseCommitPollOnly(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprintf("a listener before: %t", before), func(t *testing.T) {
			d, ch := newDB(t), new(channel)
			if before {
				stop := run(t, config(d, ch))
				d.asleep()
				if err := stop(); err != nil {
					t.Fatal(err)
				}
			}
			cfg := config(d, ch)
			cfg.ListenURL, cfg.Poll = "", 10*time.Millisecond
			run(t, cfg)
			eventually(t, "nobody asks for wakes", func() bool {
				return one[bool](d, `SELECT pg_sequence_last_value('subMsgWake'::regclass) IS DISTINCT FROM 1`)
			})
			conn := newAdmin(t, d.url)
			for n := range 20 {
				name, err := d.prepare(conn, n)
				if err != nil {
					t.Fatal(err)
				}
				d.exec("COMMIT PREPARED " + name)
			}
			eventually(t, "all are sent", func() bool { return d.count(`sendStatus = 'success'`) == 20 })
		})
	}
}
