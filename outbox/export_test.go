package outbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/outbox/internal/store"
)

// Each of a consumer's writes by itself, for the table of transitions.

func (c *Consumer) Claim(ctx context.Context) error {
	_, err := c.dispatcher.store.Exchange(ctx, store.Request{Oldest: c.anyClaim(1000)})
	return err
}

func (c *Consumer) Probe(ctx context.Context) error {
	_, err := c.dispatcher.store.Probe(ctx, c.anyClaim(1), c.cfg.ProbeEvery)
	return err
}

func (c *Consumer) anyClaim(n int) *store.Claim {
	part := store.Part{Account: "default", Alone: true, Any: true, Limit: n, Depth: n}
	return &store.Claim{ID: uuid.NewString(), Parts: []store.Part{part}, Limit: n, Lease: c.cfg.Lease,
		End: time.Now().Add(time.Hour)}
}

// Settle writes a status in the name of a claim, as a sender's verdict does.
func (c *Consumer) Settle(ctx context.Context, id int64, claim uuid.UUID, to Status) error {
	return c.SettleAll(ctx, id, []uuid.UUID{claim}, to)
}

// SettleAll does so for several claims of one message at once, with a status each.
func (c *Consumer) SettleAll(ctx context.Context, id int64, claims []uuid.UUID, to ...Status) error {
	var batch []store.Settlement
	for i, claim := range claims {
		text := "settled as " + string(to[i])
		batch = append(batch, store.Settlement{ID: id, Claim: claim.String(), Status: string(to[i]), Text: text})
	}
	a, err := c.dispatcher.store.Exchange(ctx, store.Request{Settle: batch})
	if err != nil {
		return err
	}
	if left := store.Without(batch, a.Settled); len(left) > 0 {
		_, err = c.dispatcher.store.Settle(ctx, left)
	}
	return err
}

// GiveBack lets a message wait again that was claimed and not begun.
func (c *Consumer) GiveBack(ctx context.Context, id int64, claim uuid.UUID) error {
	_, err := c.dispatcher.store.Exchange(ctx, store.Request{Back: []store.Held{{ID: id, Claim: claim.String()}}})
	return err
}

func (c *Consumer) Sweep(ctx context.Context) error {
	_, err := c.housekeeper.sweep(ctx, nil)
	return err
}

func (c *Consumer) Expire(ctx context.Context) error {
	_, err := c.housekeeper.expire(ctx)
	return err
}

// Permits asks the bucket for up to n.
func (c *Consumer) Permits(ctx context.Context, n int) (waiting bool, granted int, next time.Duration, err error) {
	got, err := c.dispatcher.store.TakePermits(ctx, []store.Ask{{Account: "default", N: n, Rate: c.cfg.Rate}}, nil, nil)
	if err != nil {
		return false, 0, 0, err
	}
	return got[0].Waiting, got[0].Granted, got[0].Next, nil
}

// Pacer keeps the permits of a dispatcher's only account.
type Pacer struct {
	*claimer
	*account
}

func (c *Consumer) Pacer(ctx context.Context) Pacer {
	c.dispatcher.accounts.update(ctx)
	a := c.dispatcher.accounts.list[0]
	a.ready.ok = true
	return Pacer{&c.dispatcher.claimer, a}
}

func (p Pacer) Take(ctx context.Context, n int) (int, error) {
	err := p.takePermits(ctx, n)
	return p.pace.may(n), err
}
func (p Pacer) Spend(taken, n int)   { p.pace.spend(taken, n) }
func (p Pacer) Keep(d time.Duration) { p.pace.until = time.Now().Add(d) }

// Release gives back what a claim whose answer was lost has taken.
func (c *Consumer) Release(ctx context.Context, claim uuid.UUID) error {
	c.dispatcher.hold.claims.lose(claim.String(), bootTime())
	return c.ReleaseAgain(ctx)
}

// ReleaseAgain is what the dispatcher does in a later round. With a context that is over, its connection is broken.
func (c *Consumer) ReleaseAgain(ctx context.Context) error {
	if ctx.Err() == nil {
		return c.dispatcher.releaseLost(ctx)
	}
	whole := c.dispatcher.store
	defer func() { c.dispatcher.store = whole }()
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), whole.Pool.Config())
	if err != nil {
		return err
	}
	pool.Close()
	c.dispatcher.store = &store.Store{Pool: pool}
	return c.dispatcher.releaseLost(ctx)
}

// KindTexts are the kinds that this package writes, with what a row says of each. A pause has words of its own.
var KindTexts = map[string]string{
	kindParametersBroken: textParametersBroken, kindInternalError: textInternalError, kindTooLate: textTooLate,
	kindCrashed: textCrashed, kindCrashedRepeatedly: textCrashedRepeatedly, kindExpired: textExpired,
	kindDatabaseCopy: "", kindEverythingRefused: textEverythingRefused + " (",
}
