package attacks

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/outbox"
)

// accepting is a Sender that takes everything.
type accepting struct{}

func (accepting) Accounts() []outbox.Account { return anyAccount }

func (accepting) Ready(context.Context, string) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted}
}

func (accepting) Send(context.Context, outbox.Claimed) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted, Text: "ok"}
}

// sendAfters are times that an application may write, before now and nowhere near it.
var sendAfters = []string{`'-infinity'`, `'4713-01-01 BC'`, `'0001-01-01'`, `'epoch'`, `now() - interval '1 century'`,
	`now() - interval '1 second'`, `DEFAULT`}

// Whatever an application writes into sendAfter: its message goes behind those that were there before. A sendAfter in
// the past isn't refused, because applications have clocks of their own.
func TestNobodyJumpsTheQueue(t *testing.T) {
	t.Parallel()
	r := newRights(t)
	first, shop := r.as(app), r.as(app)
	const insert = `INSERT INTO subMsgList (openid, templateId, sendAfter) VALUES ('%s', 't', %s)`
	var want []string
	for i := range 3 {
		want = append(want, fmt.Sprintf("honest%d", i))
		if _, err := first.Exec(t.Context(), fmt.Sprintf(insert, want[i], "DEFAULT")); err != nil {
			t.Fatal(err)
		}
	}
	for i, at := range sendAfters {
		want = append(want, fmt.Sprintf("late%d", i))
		if _, err := shop.Exec(t.Context(), fmt.Sprintf(insert, want[3+i], at)); err != nil {
			t.Errorf("sendAfter %s: %v", at, err)
		}
	}
	for _, at := range []string{`'infinity'`, `'294276-01-01'`} {
		if _, err := shop.Exec(t.Context(), fmt.Sprintf(insert, "never", at)); err != nil {
			t.Errorf("sendAfter %s: %v", at, err)
		}
	}
	if got := state(try(t, shop, fmt.Sprintf(insert, "none", "NULL"))); got != "23502" {
		t.Errorf("sendAfter NULL: %q", got)
	}
	if n := read[int](t, r.Conn, `SELECT count(*)::int FROM subMsgList WHERE dueAt < createTime`); n > 0 {
		t.Errorf("%d messages are due before they were there", n)
	}
	// An administrator may hurry a message, and no more than to the time when it was inserted.
	if _, err := r.as(admin).Exec(t.Context(), `UPDATE subMsgList SET sendAfter = '-infinity' WHERE openid = 'late6'`); err != nil {
		t.Error(err)
	}
	queue := read[[]string](t, r.Conn, `SELECT array_agg(openid ORDER BY dueAt, id) FROM subMsgList WHERE dueAt <= now()`)
	if diff := cmp.Diff(want, queue); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.serve(accepting{}, quiet())
	r.until(`SELECT count(*) = 2 FROM subMsgList WHERE sendStatus = 'wait'`)
}
