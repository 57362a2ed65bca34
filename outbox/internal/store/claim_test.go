package store

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

const insertSQL = `INSERT INTO subMsgList (openid, templateId) SELECT $1 || n, $1 FROM generate_series(1, $2::int) AS n`

func newClaim(limit int, templates ...string) *Claim {
	p := Part{Account: "a", Alone: true, Limit: limit, Depth: limit}
	for _, t := range templates {
		p.Seek = append(p.Seek, Sought{t, Front})
	}
	return &Claim{ID: uuid.NewString(), Parts: []Part{p}, Limit: limit, Lease: time.Minute,
		End: time.Now().Add(time.Hour)}
}

// A claim that executes after its end takes nothing, even if nobody waits for its answer any more.
func TestClaimEnds(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	s := &Store{Pool: pool}
	exec(t, pool, insertSQL, "t", 10)
	exec(t, pool, `INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('u', 'x', now())`)
	exec(t, pool, insertSQL, "u", 10)
	for name, claim := range map[string]func(*Claim) (Claimed, error){
		"oldest": func(c *Claim) (Claimed, error) {
			a, err := s.Exchange(t.Context(), Request{Oldest: c})
			return a.Oldest, err
		},
		"newest": func(c *Claim) (Claimed, error) {
			c.Newest = true
			a, err := s.Exchange(t.Context(), Request{Newest: c})
			return a.Newest, err
		},
		"of any template": func(c *Claim) (Claimed, error) {
			c.Parts[0].Any, c.Parts[0].Seek = true, nil
			a, err := s.Exchange(t.Context(), Request{Oldest: c})
			return a.Oldest, err
		},
		"probe": func(c *Claim) (Claimed, error) { return s.Probe(t.Context(), c, time.Hour) },
	} {
		c := newClaim(2, "t", "u")
		c.End = time.Now().Add(-time.Millisecond)
		if got, err := claim(c); err != nil || len(got.Rows) > 0 {
			t.Errorf("%s: %d rows after its end, %v", name, len(got.Rows), err)
		}
		if got, err := claim(newClaim(2, "t", "u")); err != nil || len(got.Rows) == 0 {
			t.Errorf("%s: %d rows before its end, %v", name, len(got.Rows), err)
		}
	}
}

// The note of a claim stays while a row of it is "sending", whatever its process remembers: after a failover that lost
// commits that isn't what the database holds.
func TestNoteStaysWhileSending(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	s := &Store{Pool: pool}
	exec(t, pool, insertSQL, "t", 2)
	c := newClaim(2, "t")
	a, err := s.Exchange(t.Context(), Request{Oldest: c})
	if err != nil || len(a.Oldest.Rows) != 2 {
		t.Fatalf("%d rows, %v", len(a.Oldest.Rows), err)
	}
	notes := func(want int) {
		t.Helper()
		var n int
		for what, forget := range map[string]func() error{
			"exchange": func() error { _, err := s.Exchange(t.Context(), Request{Ended: []string{c.ID}}); return err },
			"look":     func() error { _, err := s.Look(t.Context(), LeaveFlag, []string{c.ID}, nil, nil); return err },
		} {
			if err := forget(); err != nil {
				t.Fatal(err)
			}
			err := pool.QueryRow(t.Context(), `SELECT count(*) FROM subMsgClaim`).Scan(&n)
			if err != nil || n != want {
				t.Errorf("%s: %d notes, want %d; %v", what, n, want, err)
			}
		}
	}
	for _, r := range a.Oldest.Rows {
		notes(1)
		if _, err := s.Settle(t.Context(), []Settlement{{ID: r.ID, Claim: c.ID, Status: "success"}}); err != nil {
			t.Fatal(err)
		}
	}
	notes(0)
}

// explain executes a statement that a claim's parameters fit, in a transaction that is rolled back, and returns its
// plan. A generic one is made, as for every claim.
func explain(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) (plan string) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	if _, err := tx.Exec(t.Context(), planSQL); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF) "+sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

var claimStatements = map[string]string{
	"oldest": claimOldestSQL, "many, oldest": claimManyOldestSQL, "any, oldest": claimAnyOldestSQL,
	"newest": claimNewestSQL, "many, newest": claimManyNewestSQL, "any, newest": claimAnyNewestSQL,
}

// The plans of claims are right for a large table although they were made while it was empty: rows are found by the
// index of what waits, and then by their place.
func TestPlansOfAnEmptyTable(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	scan := regexp.MustCompile(`(?m)(\w+ Scan|Scan Backward).* on submsglist.*$`)
	for name, sql := range claimStatements {
		c := newClaim(64, "t")
		plan := explain(t, pool, sql, append(c.args(), c.ID, c.Lease)...)
		found := scan.FindAllString(plan, -1)
		for _, line := range found {
			if !strings.Contains(line, "submsglist_due") && !strings.Contains(line, "submsglist_person") &&
				!strings.HasPrefix(line, "Tid Scan") {
				t.Errorf("%s: %s", name, line)
			}
		}
		if tids := strings.Count(plan, "Tid Scan on submsglist"); tids != 2 || len(found) < 3 {
			t.Errorf("%s: %d scans by place, want 2:\n%s", name, tids, plan)
		}
	}
}

// A claim touches hardly more pages beside a hundred thousand messages that can't go than without them, be they paused,
// past their expireTime, or left out; and so does a look.
func TestWhatCantGoIsNotInTheWay(t *testing.T) {
	t.Parallel()
	const many = 100_000
	for name, heap := range map[string]func(*pgxpool.Pool){
		"paused": func(pool *pgxpool.Pool) {
			exec(t, pool, insertSQL, "a", many)
			exec(t, pool, `INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('a', 'x', 'infinity')`)
		},
		"expired": func(pool *pgxpool.Pool) {
			exec(t, pool, `INSERT INTO subMsgList (openid, templateId, expireTime)
				SELECT 'o' || n, 'a', now() FROM generate_series(1, $1::int) AS n`, many)
		},
		"of a template that nobody seeks": func(pool *pgxpool.Pool) { exec(t, pool, insertSQL, "unknown", many) },
	} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.Pool(t)
			sql := map[string]string{"look": "SELECT * FROM (" + lookSQL + ") AS look"}
			for claim, text := range claimStatements {
				if name != "of a template that nobody seeks" || !strings.HasPrefix(claim, "any") {
					sql[claim] = text
				}
			}
			measure := func() map[string]int {
				pages := make(map[string]int)
				for what, text := range sql {
					c := newClaim(64, "a", "t", "b", "c", "d")
					args := append(c.args(), c.ID, c.Lease)
					if what == "look" {
						args = []any{[]int64{}, []string{}}
					}
					pages[what] = buffers(t, explain(t, pool, text, args...))
				}
				return pages
			}
			exec(t, pool, insertSQL, "t", 1000)
			exec(t, pool, `VACUUM ANALYZE subMsgList`)
			without := measure()
			heap(pool)
			exec(t, pool, insertSQL, "t", 1000)
			exec(t, pool, `VACUUM ANALYZE subMsgList`)
			with := measure()
			t.Log("pages: ", without, with)
			for what, n := range with {
				if allowed := without[what]*3/2 + 80; n > allowed {
					t.Errorf("%s: %d pages, %d without", what, n, without[what])
				}
			}
		})
	}
}

// buffers is how many pages a plan has touched.
func buffers(t *testing.T, plan string) int {
	t.Helper()
	match := regexp.MustCompile(`Buffers: shared hit=(\d+)(?: read=(\d+))?`).FindStringSubmatch(plan)
	if match == nil {
		t.Fatal(fmt.Sprint("no buffers in ", plan))
	}
	hit, _ := strconv.Atoi(match[1])
	read, _ := strconv.Atoi(match[2])
	return hit + read
}

// Orphaned rows are found in steps, and by one replica at a time.
func TestNoteOrphansInSteps(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	s := Housekeeping{&Store{Pool: pool}}
	exec(t, pool, `INSERT INTO subMsgOrigin (databaseOid, listOid) VALUES (1, 2)`)
	exec(t, pool, `INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		SELECT 'o' || n, 't', 'sending', gen_random_uuid(), now() FROM generate_series(1, 5) AS n`)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM subMsgOrigin FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	if upTo, found, err := s.NoteOrphans(t.Context(), 0, 2); upTo != nil || found != 0 || err != nil {
		t.Errorf("beside another replica: up to %v, %d found, %v", upTo, found, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := 0
	for after, steps := int64(0), 0; ; steps++ {
		upTo, found, err := s.NoteOrphans(t.Context(), after, 2)
		if err != nil || steps > 4 {
			t.Fatalf("step %d: %v", steps, err)
		}
		if all += found; upTo == nil {
			break
		}
		after = *upTo
	}
	var notes int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM subMsgClaim`).Scan(&notes); err != nil || notes != 5 || all != 5 {
		t.Errorf("%d found, %d noted, want 5; %v", all, notes, err)
	}
}

// A claim for thirty accounts with twenty spellings each touches no more pages than one for a single account, where
// messages of the same few templates wait.
func TestManyAccountsCostNoMore(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	exec(t, pool, `INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' || n % 10 FROM generate_series(1, 5000) AS n`)
	exec(t, pool, `VACUUM ANALYZE subMsgList`)
	few, many := &Claim{}, &Claim{Jump: true}
	for _, c := range []*Claim{few, many} {
		c.ID, c.Limit, c.Lease, c.End = uuid.NewString(), 64, time.Minute, time.Now().Add(time.Hour)
	}
	few.Parts = []Part{{Account: "a", Limit: 64, Depth: 64}}
	for n := range 10 {
		few.Parts[0].Seek = append(few.Parts[0].Seek, Sought{fmt.Sprint("t", n), Front})
	}
	for n := range 30 {
		p := Part{Account: fmt.Sprint("a", n), Limit: 64, Depth: 64}
		for m := range 20 {
			p.Seek = append(p.Seek, Sought{fmt.Sprint("t", m*30+n), Front})
		}
		many.Parts = append(many.Parts, p)
	}
	pages := func(sql string, c *Claim) int {
		return buffers(t, explain(t, pool, sql, append(c.args(), c.ID, c.Lease)...))
	}
	for name, sql := range map[string][2]string{
		"oldest": {claimOldestSQL, claimManyOldestSQL}, "newest": {claimNewestSQL, claimManyNewestSQL},
	} {
		one, all := pages(sql[0], few), pages(sql[1], many)
		t.Logf("%s: %d pages, %d with many accounts", name, one, all)
		if all > one*3/2 {
			t.Errorf("%s: %d pages, %d for one account", name, all, one)
		}
	}
}
