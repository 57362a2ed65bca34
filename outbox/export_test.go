package outbox

import (
	"context"

	"github.com/google/uuid"
)

// The signed writes of a consumer, each by itself, for the table of transitions.

func (c *Consumer) Claim(ctx context.Context) error {
	_, err := c.claim(ctx, uuid.NewString(), 1000)
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

// Release gives back what a claim whose answer was lost has taken.
func (c *Consumer) Release(ctx context.Context, claim uuid.UUID) error {
	c.claims.lose(claim.String())
	r := round{Consumer: c}
	return r.release(ctx)
}
