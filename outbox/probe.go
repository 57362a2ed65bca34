package outbox

import (
	"context"
	"fmt"

	"github.com/submsg/submsg/outbox/internal/store"
)

// claimRefused makes the next claim half as large as one that the database has refused, down to the single message that
// can't be written, which is skipped. After that claims grow again.
func (c *claimer) claimRefused(ctx context.Context, claim *store.Claim, why error) error {
	if claim.Limit > 1 {
		c.most = max(1, min(c.most, claim.Limit)/2)
		return nil
	}
	return c.skipFirst(ctx, claim, false, why)
}

// skipFirst skips the row that a refused claim of a single message was about. The database doesn't say which row that
// was, so the claim is made again without its UPDATE.
func (c *claimer) skipFirst(ctx context.Context, claim *store.Claim, probe bool, why error) error {
	if c.skipped.full() {
		return why
	}
	var id int64
	var ok bool
	err := c.during(ctx, func(ctx context.Context) (err error) {
		id, ok, err = c.store.FirstOf(ctx, claim, probe)
		return err
	})
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if ok { // otherwise somebody else has it
		c.skipped.skip(id, why)
	}
	return nil
}

// probe claims the message that tests a pause, of an account of which something may be claimed. again: the database
// refused that message, so it is skipped, and another one can be claimed.
func (c *claimer) probe(ctx context.Context, w *want) (again bool, err error) {
	asked := bootTime()
	c.probedAt = asked
	claim := c.newClaim(1)
	claim.People = c.hold.everybody()
	for _, p := range w.parts {
		part := store.Part{Account: p.Name, Alone: p.OnePersonAtATime, Any: p.seeker.named == nil, Limit: 1,
			Depth: leastDepth}
		for _, t := range p.seeker.named {
			part.Seek = append(part.Seek, store.Sought{TemplateID: t, After: store.Front})
		}
		claim.Parts = append(claim.Parts, part)
	}
	var got store.Claimed
	err = c.during(ctx, func(ctx context.Context) (err error) {
		got, err = c.store.Probe(ctx, claim, c.cfg.ProbeEvery)
		return err
	})
	switch {
	case err == nil:
		list := c.messages(asked, got.Rows)
		for _, m := range list {
			c.probing(w, m.account)
		}
		c.begin(list)
		return false, nil
	case store.IsRefusal(err):
		return true, c.skipFirst(ctx, claim, true, err)
	case store.SQLState(err) == store.LockNotAvailable:
		return false, nil
	}
	c.hold.claims.lose(claim.ID, bootTime())
	return false, fmt.Errorf("probe: %w", err)
}

// probing notes that one of the messages that may be claimed of an account is a probe.
func (c *claimer) probing(w *want, a *account) {
	w.probes++
	for i := range w.parts {
		if w.parts[i].account == a {
			a.pace.spend(w.parts[i].may, 1)
			w.parts[i].may--
		}
	}
}
