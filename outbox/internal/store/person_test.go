package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// Who is sent to elsewhere are the people of other claims whose lease runs, and it is found by the ids of claims.
func TestSentElsewhere(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	s := &Store{Pool: pool}
	exec(t, pool, insertSQL, "t", 6)
	claim := func(n int, lease time.Duration) *Claim {
		c := newClaim(n, "t")
		c.Lease = lease
		if a, err := s.Exchange(t.Context(), Request{Oldest: c}); err != nil || len(a.Oldest.Rows) != n {
			t.Fatalf("%d rows, %v", len(a.Oldest.Rows), err)
		}
		return c
	}
	own := claim(1, time.Minute)
	other := claim(2, time.Minute)
	claim(1, time.Microsecond)
	settled := claim(1, time.Minute)
	if _, err := s.Settle(t.Context(), []Settlement{{ID: 5, Claim: settled.ID, Status: "success"}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct{ asked, own, want []string }{
		{[]string{"t1", "t2", "t3", "t4", "t5", "t6"}, []string{own.ID}, []string{"t2", "t3"}},
		{[]string{"t1", "t3"}, []string{own.ID}, []string{"t3"}},
		{[]string{"t1", "t3"}, nil, []string{"t1", "t3"}},
		{[]string{"t1", "t3"}, []string{own.ID, other.ID}, nil},
	} {
		got, err := s.SentElsewhere(t.Context(), p.asked, p.own)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, p.want) {
			t.Errorf("of %q, own %q: %q, want %q; %v", p.asked, p.own, got, p.want, err)
		}
	}
	plan := explain(t, pool, sentElsewhereSQL, []string{"t1"}, []string{own.ID})
	if !strings.Contains(plan, "Index Scan using submsglist_pkey") {
		t.Error(plan)
	}
}
