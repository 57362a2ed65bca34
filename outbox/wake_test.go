package outbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// None of these consumers polls, so each message that arrives was announced, or waited for.

func TestWake(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(d *db)
		want int
	}{
		{"insert", func(d *db) { d.exec(`insert into SUBMSGLIST (OpenId, TEMPLATEID) values ('o1', 't')`) }, 1},
		{"10,000 rows in one statement", func(d *db) {
			d.exec(`INSERT INTO subMsgList (openid, templateId)
				SELECT 'o' || n, 't' FROM generate_series(1, 10000) AS n`)
		}, 10000},
		{"copy", func(d *db) {
			columns := []string{"openid", "templateid", "parameterarr"}
			_, err := d.CopyFrom(context.Background(), pgx.Identifier{"submsglist"}, columns,
				pgx.CopyFromRows([][]any{{"o1", "t", []string{"x"}}, {"o2", "t", []string{}}}))
			if err != nil {
				d.t.Fatal(err)
			}
		}, 2},
		{"repeatable read", func(d *db) {
			d.tx(pgx.RepeatableRead, `INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
		}, 1},
		{"serializable", func(d *db) {
			d.tx(pgx.Serializable, `INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
		}, 1},
		{"savepoint rolled back", func(d *db) {
			d.tx(pgx.ReadCommitted, `INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`, `SAVEPOINT s`,
				`INSERT INTO subMsgList (openid, templateId) VALUES ('o2', 't')`, `ROLLBACK TO s`)
		}, 1},
		{"back to wait by hand", func(d *db) {
			d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus) VALUES ('o1', 't', 'fail')`)
			d.asleep()
			d.exec(`UPDATE subMsgList SET sendStatus = 'wait'`)
		}, 1},
		{"brought forward by hand", func(d *db) {
			d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter) VALUES ('o1', 't', 'infinity')`)
			d.asleep()
			d.exec(`UPDATE subMsgList SET sendAfter = now()`)
		}, 1},
		{"a pause lifted by hand", func(d *db) {
			d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', 'x', 'infinity')`)
			d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
			d.asleep()
			d.exec(`DELETE FROM subMsgPause`)
		}, 1},
		{"an order", func(d *db) {
			d.exec(`INSERT INTO orders (openid, name, cardNumber, payMoney, balance) VALUES ('o1', 'n', 'c', 1, 2)`)
			d.exec(`UPDATE orders SET isSendMsg = true`)
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, ch := newDB(t), new(channel)
			run(t, config(d, ch))
			d.asleep()
			tt.do(d)
			eventually(t, fmt.Sprintf("%d messages succeed", tt.want), func() bool {
				return d.count(`sendStatus = 'success'`) == tt.want
			})
			if ch.count() != tt.want {
				t.Errorf("%d sent, want %d", ch.count(), tt.want)
			}
		})
	}
}

func (d *db) tx(level pgx.TxIsoLevel, statements ...string) {
	d.t.Helper()
	err := pgx.BeginTxFunc(context.Background(), d.Pool, pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(context.Background(), sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// A writer that read "nobody sleeps" and commits after the consumer has gone to sleep isn't missed.
func TestWriterOpenAcrossSleep(t *testing.T) {
	t.Parallel()
	for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
		t.Run(string(level), func(t *testing.T) {
			d, ch := newDB(t), new(channel)
			tx, err := d.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: level})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), `INSERT INTO subMsgList (openid, templateId)
				VALUES ('o1', 't')`); err != nil {
				t.Fatal(err)
			}
			run(t, config(d, ch))
			d.asleep()
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.eventually(1, "success")
		})
	}
}

// While more is due than a consumer has senders, inserts call no function: the flag is cleared.
func TestAwakeConsumerWantsNoNotify(t *testing.T) {
	t.Parallel()
	d, gate := newDB(t), make(chan struct{})
	ch := &channel{answer: gated(gate)}
	cfg := config(d, ch)
	cfg.Senders = 2
	run(t, cfg)
	d.asleep()
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 20) AS n`)
	for range 4 {
		gate <- struct{}{}
	}
	eventually(t, "the flag is cleared", func() bool {
		return one[int](d, `SELECT pg_sequence_last_value('subMsgWake'::regclass)`) == 2
	})
	close(gate)
	eventually(t, "all sent", func() bool { return d.count(`sendStatus = 'success'`) == 20 })
	d.asleep()
}

// The listening connection is cut; a row that is inserted while nobody listens is found as soon as somebody does again.
func TestListenerReconnects(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	run(t, config(d, ch))
	d.asleep()
	for n := 1; n <= 3; n++ {
		eventually(t, "the listener is there", func() bool {
			return one[int](d, `SELECT count(pg_terminate_backend(pid))
				FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'submsg listener'`) == 1
		})
		d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
		d.eventually(int64(n), "success")
	}
}

// Without a listening connection the poll finds everything, and no insert ever notifies.
func TestPollOnly(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.ListenURL, cfg.Poll = "", 10*time.Millisecond
	run(t, cfg)
	for n := 1; n <= 3; n++ {
		d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
		d.eventually(int64(n), "success")
	}
	if asked := one[bool](d, `SELECT pg_sequence_last_value('subMsgWake'::regclass) IS NOT DISTINCT FROM 1`); asked {
		t.Error("asked for wakes that it can't hear")
	}
}

// A claim tells which wake led to it, and none where it was the poll, or the start.
func TestWoken(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
	stop := run(t, config(d, ch))
	d.eventually(1, "success")
	d.asleep()
	before := time.Now()
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
	d.eventually(2, "success")
	stop()
	first, second := ch.sent[0].Woken, ch.sent[1].Woken
	if !first.IsZero() || second.Before(before) || second.After(time.Now()) {
		t.Errorf("woken at %s, and %s after the insert", first, second.Sub(before))
	}
}
