package outbox

import (
	"context"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/submsg/submsg/outbox/internal/store"
)

// reporter keeps this consumer's row of subMsgReplica, in which people see what only its memory knows. Nothing else
// depends on that row: while it can't be written, messages go on.
type reporter struct {
	cfg    Config
	store  store.Housekeeping
	health *health

	said   store.Replica
	saidAt time.Time
	failed bool // the last time, which was logged
}

func newReporter(cfg Config, s store.Housekeeping, h *health) *reporter {
	host, _ := os.Hostname() // without a name, its number there tells it from others
	return &reporter{cfg: cfg, store: s, health: h,
		said: store.Replica{ID: uuid.NewString(), Host: host, PID: os.Getpid(), Accounts: map[string]string{},
			Behind: []int64{}}}
}

// run reports until ctx is done, and then takes the row away.
func (r *reporter) run(ctx context.Context) {
	tick := time.NewTicker(reportLook)
	defer tick.Stop()
	for {
		if now := r.now(); r.saidAt.IsZero() || time.Since(r.saidAt) >= r.every(now) {
			r.say(ctx, now)
		}
		select {
		case <-ctx.Done():
			r.remove(ctx)
			return
		case <-tick.C:
		}
	}
}

// now is what there is to say.
func (r *reporter) now() store.Replica {
	now := r.said
	now.Accounts, now.Trouble, now.Behind, now.Refused = map[string]string{}, "", []int64{}, map[int64]string{}
	if r.cfg.Catalogue != nil {
		now.Templates = r.cfg.Catalogue()
	}
	now.InHand, now.Ahead = int(r.health.inHand.Load()), int(r.health.ahead.Load())
	if why := r.health.trouble.Load(); why != nil {
		now.Trouble = *why
	}
	if s := r.health.standing.Load(); s != nil {
		now.Accounts, now.Behind, now.Refused = s.accounts, s.behind, s.refused
	}
	return now
}

// every is how long after the last report the next one is due.
func (r *reporter) every(now store.Replica) time.Duration {
	was := r.said
	switch {
	case !maps.Equal(now.Accounts, was.Accounts), now.Trouble != was.Trouble, !maps.Equal(now.Refused, was.Refused),
		!maps.Equal(now.Templates, was.Templates):
		return 0
	case now.InHand != was.InHand, now.Ahead != was.Ahead, !slices.Equal(now.Behind, was.Behind):
		return reportBusy
	}
	return reportIdle
}

func (r *reporter) say(ctx context.Context, now store.Replica) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	err := r.store.SayReplica(ctx, now)
	r.said, r.saidAt = now, time.Now()
	if err != nil && ctx.Err() == nil && !r.failed {
		r.cfg.Log.Warnf("submsg status can't see this process, it sends all the same: %v", err)
	}
	r.failed = err != nil
}

func (r *reporter) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handOverTimeout)
	defer cancel()
	if err := r.store.RemoveReplica(ctx, r.said.ID); err != nil && !r.failed {
		r.cfg.Log.Warnf("submsg status shows this process for a while after its end: %v", err)
	}
}

// standing is what the dispatcher tells of messages that don't go on.
type standing struct {
	accounts map[string]string // why they can send nothing; "" if they can
	behind   []int64
	refused  map[int64]string
}

// standingOf tells a hundred messages of each kind, which are enough to look at.
func standingOf(accounts map[string]string, hold *holdings, skipped *skiplist) *standing {
	s := &standing{accounts: accounts, behind: behind(hold, mostTold), refused: skipped.reasons(mostTold)}
	for id, o := range hold.unsettled {
		if o.refused != "" && len(s.refused) < mostTold {
			s.refused[id] = o.refused
		}
	}
	return s
}

// behind are messages that wait behind another one to the same person, so many at most.
func behind(hold *holdings, most int) []int64 {
	ids := []int64{}
	for _, q := range hold.queues {
		for _, waiting := range q.people {
			for _, m := range waiting {
				if len(ids) < most {
					ids = append(ids, m.ID)
				}
			}
		}
	}
	slices.Sort(ids)
	return ids
}
