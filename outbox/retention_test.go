package outbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/outbox"
)

const day = 24 * time.Hour

// old inserts a message that nobody has changed for so many days, and says so in its openid.
func (d *db) old(status string, days int) (id int64) {
	d.t.Helper()
	return one[int64](d, `
INSERT INTO subMsgList (openid, templateId, sendStatus, createTime, updateTime, claimId, leaseUntil, sendAfter)
SELECT $1::text || '-' || $2::int, 't', $1, t, t, CASE $1 WHEN 'sending' THEN gen_random_uuid() END, CASE $1 WHEN 'sending' THEN t END,
    now() + interval '1 day'
FROM (SELECT now() - make_interval(days => $2) AS t) AS s RETURNING id`, status, days)
}

func (d *db) people() []string {
	d.t.Helper()
	return one[[]string](d, `SELECT coalesce(array_agg(openid ORDER BY id), '{}') FROM subMsgList`)
}

// retaining is a consumer that doesn't run, but deletes when told.
func retaining(d *db, r outbox.Retention) *outbox.Consumer {
	d.t.Helper()
	cfg := config(d, new(channel))
	cfg.Retention = r
	c, err := outbox.New(cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// deleteOld does one pass and wants so many messages gone.
func (d *db) deleteOld(c *outbox.Consumer, step int, want int64) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if gone, err := c.DeleteOld(ctx, step); gone != want || err != nil {
		d.t.Errorf("%d deleted, want %d, error %v", gone, want, err)
	}
}

// Messages of each outcome are deleted by their own age, whatever the steps. What waits or is being sent never is.
func TestRetention(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		retention outbox.Retention
		gone      string
	}{
		{"none", nil, ""},
		{"one outcome", outbox.Retention{outbox.Failed: 3 * day}, "fail-3 fail-6 fail-9"},
		{"an age each", outbox.Retention{outbox.Succeeded: 2 * day, outbox.Failed: 4 * day, outbox.Uncertain: 7 * day,
			outbox.Cancelled: 9 * day, outbox.Expired: 99 * day},
			"success-3 success-6 success-9 fail-6 fail-9 unknown-9 cancel-9"},
		{"the least", outbox.Retention{outbox.Succeeded: day, outbox.Cancelled: day, outbox.Expired: day},
			"success-1 success-3 success-6 success-9 " +
				"cancel-1 cancel-3 cancel-6 cancel-9 expired-1 expired-3 expired-6 expired-9"},
	} {
		for _, step := range []int{1, 3, 1000} {
			t.Run(fmt.Sprintf("%s, %d at a time", tt.name, step), func(t *testing.T) {
				d := newDB(t)
				gone := strings.Fields(tt.gone)
				var stay []string
				for _, days := range []int{9, 6, 3, 1, 0} { // as ids follow createTime
					for _, status := range statuses {
						d.old(status, days)
						if who := fmt.Sprint(status, "-", days); !slices.Contains(gone, who) {
							stay = append(stay, who)
						}
					}
				}
				c := retaining(d, tt.retention)
				d.deleteOld(c, step, int64(len(gone)))
				if diff := cmp.Diff(stay, d.people()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				d.deleteOld(c, step, 0)
			})
		}
	}
}

// The age counts from the last change: what a person has only just touched isn't deleted under his hands.
func TestRetentionFromLastChange(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	first, second := d.old("fail", 9), d.old("fail", 9)
	d.exec(`UPDATE subMsgList SET sendTime = createTime`)
	// The table's guard undoes this, as it does every way to make a row look old.
	d.exec(`UPDATE subMsgList SET updateTime = createTime`)
	c := retaining(d, outbox.Retention{outbox.Failed: 5 * day})
	d.deleteOld(c, 10, 0)
	d.age(first, 6)
	d.deleteOld(c, 10, 1)
	if got := one[int64](d, `SELECT id FROM subMsgList`); got != second {
		t.Errorf("message %d is left, want %d", got, second)
	}
}

// age makes a row look old, past its guard.
func (d *db) age(id int64, days int) {
	d.t.Helper()
	d.exec(`ALTER TABLE subMsgList DISABLE TRIGGER subMsgList_by_hand`)
	d.exec(`UPDATE subMsgList SET updateTime = now() - make_interval(days => $2) WHERE id = $1`, id, days)
	d.exec(`ALTER TABLE subMsgList ENABLE TRIGGER subMsgList_by_hand`)
}

// A pass ends where a whole step was too young, not at a single row that is.
func TestRetentionEndsAtTheYoung(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	for _, days := range []int{9, 0, 9, 9, 0, 0, 0, 9} {
		d.old("success", days)
	}
	c := retaining(d, outbox.Retention{outbox.Succeeded: 3 * day, outbox.Failed: 5 * day})
	d.deleteOld(c, 2, 3)
	want := []string{"success-0", "success-0", "success-0", "success-0", "success-9"}
	if diff := cmp.Diff(want, d.people()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A row that a person has locked is passed over without waiting, and taken when he is gone.
func TestRetentionPassesLockedRows(t *testing.T) {
	t.Parallel()
	for name, lock := range map[string]string{
		"FOR UPDATE": `SELECT FROM subMsgList WHERE id = $1 FOR UPDATE`,
		"a key":      `SELECT FROM subMsgList WHERE id = $1 FOR KEY SHARE`, // what a foreign key's row takes
		"an edit":    `UPDATE subMsgList SET page = 'p' WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDB(t)
			var ids []int64
			for range 5 {
				ids = append(ids, d.old("success", 9))
			}
			person := begin(t, d)
			if _, err := person.Exec(t.Context(), lock, ids[2]); err != nil {
				t.Fatal(err)
			}
			c := retaining(d, outbox.Retention{outbox.Succeeded: 3 * day})
			d.deleteOld(c, 2, 4)
			if err := person.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.deleteOld(c, 2, 1)
		})
	}
}

func begin(t *testing.T, d *db) pgx.Tx {
	t.Helper()
	tx, err := newAdmin(t, d.url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// A locked table is an error, soon: whoever waited for it would make all others wait behind.
func TestRetentionDoesNotQueueBehindALock(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.old("success", 9)
	person := begin(t, d)
	if _, err := person.Exec(t.Context(), `LOCK TABLE subMsgList`); err != nil {
		t.Fatal(err)
	}
	c := retaining(d, outbox.Retention{outbox.Succeeded: 3 * day})
	if gone, err := c.DeleteOld(t.Context(), 10); gone != 0 || err == nil || !strings.Contains(err.Error(), "55P03") {
		t.Errorf("%d deleted, error %v, want one of the lock (55P03)", gone, err)
	}
	if err := person.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.deleteOld(c, 10, 1)
}

// Two replicas that delete at the same time pass over each other's rows, and wait for none.
func TestRetentionBesideAnother(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	for range 4 {
		d.old("success", 9)
	}
	other := begin(t, d)
	var gone int64
	if err := other.QueryRow(t.Context(), `SELECT gone FROM subMsg_forget(0, 3, '{success}', '{1 d}')`).Scan(&gone); err != nil || gone != 3 {
		t.Fatalf("%d, %v", gone, err)
	}
	c := retaining(d, outbox.Retention{outbox.Succeeded: 3 * day})
	d.deleteOld(c, 10, 1)
	if err := other.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.deleteOld(c, 10, 3)
}

// A person may set an old message to wait again at any moment of a pass, and it isn't deleted then. The steps are
// large, because his change could be missed between a step's snapshot and its locks.
func TestRetentionAgainstPeople(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	c := retaining(d, outbox.Retention{outbox.Failed: 3 * day})
	found := 0
	for round := range 10 {
		d.exec(`TRUNCATE subMsgList RESTART IDENTITY`)
		d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, createTime, updateTime)
			SELECT 'o' || n, 't', 'fail', t, t FROM generate_series(1, 3000) AS n,
				(SELECT now() - interval '9 days' AS t) AS s`)
		ctx, over := context.WithCancel(t.Context())
		again := make([][]int64, 3)
		var people sync.WaitGroup
		for p := range again {
			people.Go(func() { again[p] = d.resend(ctx) })
		}
		for range 2 {
			if _, err := c.DeleteOld(t.Context(), 10000); err != nil {
				t.Error(err)
			}
		}
		over()
		people.Wait()
		want := append([]int64{}, slices.Concat(again...)...)
		slices.Sort(want)
		found += len(want)
		got := one[[]int64](d, `SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM subMsgList`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d: %d set to wait, left (-want +got):\n%s", round, len(want), diff)
		}
	}
	if found == 0 {
		t.Error("nobody came in time")
	}
}

// resend sets messages to wait until ctx is done. It returns those that it found.
func (d *db) resend(ctx context.Context) (done []int64) {
	for ctx.Err() == nil {
		id := int64(1 + rand.IntN(3000))
		tag, err := d.Exec(context.Background(), `UPDATE subMsgList SET sendStatus = 'wait'
			WHERE id = $1 AND sendStatus = 'fail'`, id)
		if err != nil {
			d.t.Error(err)
			return done
		}
		if tag.RowsAffected() == 1 {
			done = append(done, id)
		}
	}
	return done
}

// Two consumers that run: what is due goes, once, and sending goes on. One without a retention deletes nothing.
func TestRetentionOfRunningConsumers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		retention outbox.Retention
		left      []string
	}{
		{"off", nil, []string{"success-9", "fail-9", "success-0"}},
		{"on", outbox.Retention{outbox.Succeeded: 3 * day}, []string{"fail-9", "success-0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDB(t)
			d.old("success", 9)
			d.old("fail", 9)
			d.old("success", 0)
			var stops []func() error
			for range 2 {
				cfg := config(d, new(channel))
				cfg.Retention = tt.retention
				stops = append(stops, run(t, cfg))
			}
			eventually(t, "what is due is gone", func() bool { return len(d.people()) <= len(tt.left) })
			d.eventually(d.insert(message(1))[0], "success")
			for _, stop := range stops {
				if err := stop(); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(append(tt.left, "o1"), d.people()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
