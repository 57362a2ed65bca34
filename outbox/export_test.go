package outbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// The signed writes of a consumer, each by itself, for the table of transitions.

func (c *Consumer) Claim(ctx context.Context) error {
	_, err := c.take(ctx, uuid.NewString(), oldest, 1000)
	return err
}

func (c *Consumer) Probe(ctx context.Context) error {
	_, err := c.probe(ctx, uuid.NewString())
	return err
}

// Settle writes a status in the name of a claim, as a sender's verdict does.
func (c *Consumer) Settle(ctx context.Context, id int64, claim uuid.UUID, to Status) error {
	return c.SettleAll(ctx, id, []uuid.UUID{claim}, to)
}

// SettleAll does so for several claims of one message at once, with a status each.
func (c *Consumer) SettleAll(ctx context.Context, id int64, claims []uuid.UUID, to ...Status) error {
	var batch []settlement
	for i, claim := range claims {
		batch = append(batch, settlement{id: id, claim: claim.String(), status: to[i], text: "settled as " + string(to[i])})
	}
	_, err := c.write(ctx, batch)
	return err
}

func (c *Consumer) Sweep(ctx context.Context) error  { return c.sweep(ctx) }
func (c *Consumer) Expire(ctx context.Context) error { return c.expire(ctx) }

// Permits asks the bucket for up to n.
func (c *Consumer) Permits(ctx context.Context, n int) (waiting bool, granted int, next time.Duration, err error) {
	g, err := c.askPermits(ctx, n)
	return g.waiting, g.n, g.next, err
}

// Pacer is what the pump keeps of its permits.
type Pacer struct{ r round }

func (c *Consumer) Pacer() *Pacer { return &Pacer{round{Consumer: c}} }

func (p *Pacer) Take(ctx context.Context, n int) (int, error) { return p.r.permits(ctx, n) }
func (p *Pacer) Spend(permits, n int)                         { p.r.spend(permits, n) }
func (p *Pacer) Keep(d time.Duration)                         { p.r.pace.until = time.Now().Add(d) }
func (p *Pacer) Rest() time.Duration                          { return p.r.untilPermit() }

// Release gives back what a claim whose answer was lost has taken.
func (c *Consumer) Release(ctx context.Context, claim uuid.UUID) error {
	c.claims.lose(claim.String())
	return c.ReleaseAgain(ctx)
}

// ReleaseAgain is what the pump does in a later round.
func (c *Consumer) ReleaseAgain(ctx context.Context) error {
	r := round{Consumer: c}
	return r.release(ctx)
}
