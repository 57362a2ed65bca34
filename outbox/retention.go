package outbox

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// outcomes are the statuses that a message can be kept in; the one in doubt is last.
var outcomes = []Status{Succeeded, Failed, Cancelled, Expired, Uncertain}

// Retention is how long messages of each outcome are kept, counted from their last change (updateTime), a day at least.
// An outcome that isn't in it is kept forever. With a message goes its dedupKey: the same can be inserted again then.
type Retention map[Status]time.Duration

// UnmarshalText reads "30d", which is for every outcome but unknown, or "success=30d,fail=90d", or both:
// "30d,fail=90d,unknown=365d". Ages are whole days. An empty text keeps everything.
func (r *Retention) UnmarshalText(text []byte) error {
	*r = make(Retention)
	if len(text) == 0 {
		return nil
	}
	const others Status = ""
	for item := range strings.SplitSeq(string(text), ",") {
		name, age, named := strings.Cut(item, "=")
		if !named {
			name, age = "", item
		}
		status := Status(strings.TrimSpace(name))
		if named && !slices.Contains(outcomes, status) {
			return noOutcome(status)
		}
		kept, err := parseDays(strings.TrimSpace(age))
		if err != nil {
			return err
		}
		if _, twice := (*r)[status]; twice {
			return fmt.Errorf("%q: there is an age for that already", item)
		}
		(*r)[status] = kept
	}
	if kept, ok := (*r)[others]; ok {
		delete(*r, others)
		for _, status := range outcomes {
			if _, named := (*r)[status]; !named && status != Uncertain {
				(*r)[status] = kept
			}
		}
	}
	return nil
}

func parseDays(text string) (time.Duration, error) {
	number, ok := strings.CutSuffix(text, "d")
	days, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || days < 1 || days > mostDays {
		return 0, fmt.Errorf("the age %q must be whole days, 1d to %dd", text, mostDays)
	}
	return time.Duration(days) * day, nil
}

func noOutcome(status Status) error {
	return fmt.Errorf("%q is no outcome; these are %q", status, outcomes)
}

func (r Retention) validate() error {
	for status, age := range r {
		if !slices.Contains(outcomes, status) {
			return noOutcome(status)
		}
		if age < day {
			return fmt.Errorf("%s: an outcome is kept for a day at least, not for %s", status, age)
		}
	}
	return nil
}

// deleter deletes old messages.
type deleter struct {
	cfg   Config
	store store.Housekeeping
}

// run deletes what has been kept long enough, until ctx is done: a pass over the table every hour. There is no index
// to find those rows by, as it would cost every insert and settlement.
func (d deleter) run(ctx context.Context) {
	for {
		gone, err := d.pass(ctx, retentionStep)
		if gone > 0 {
			d.cfg.Log.WithField("messages", gone).Info("deleted what was kept long enough")
		}
		if err != nil && ctx.Err() == nil {
			d.cfg.Log.Warnf("old messages can't be deleted, the next try is in %s: %v", retentionEvery, err)
		}
		if !sleep(ctx, retentionEvery) {
			return
		}
	}
}

// pass is one pass: from the lowest id, step by step, to the messages that are too young. Each step is a
// transaction of its own and waits for nobody's lock, and most of the time is rest.
func (d deleter) pass(ctx context.Context, step int) (gone int64, err error) {
	var statuses []string
	var ages []time.Duration
	for status, age := range d.cfg.Retention {
		statuses, ages = append(statuses, string(status)), append(ages, age)
	}
	for after := int64(math.MinInt64); ; {
		began := time.Now()
		upTo, n, err := d.step(ctx, after, step, statuses, ages)
		if err != nil {
			return gone, fmt.Errorf("after id %d: %w", after, err)
		}
		gone += n
		if upTo == nil || !sleep(ctx, retentionShare*time.Since(began)) {
			return gone, nil
		}
		after = *upTo
	}
}

// step is one transaction. It returns the last id that it looked at; nil: the pass is over.
func (d deleter) step(
	ctx context.Context, after int64, step int, statuses []string, ages []time.Duration,
) (upTo *int64, gone int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	return d.store.Forget(ctx, after, step, statuses, ages)
}
