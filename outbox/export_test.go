package outbox

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Each of a consumer's writes by itself, for the table of transitions.

func (c *Consumer) Claim(ctx context.Context) error {
	_, err := c.claim(ctx, uuid.NewString(), oldest, 1000)
	return err
}

func (c *Consumer) Probe(ctx context.Context) error {
	_, err := c.claimProbe(ctx, uuid.NewString())
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
		text := "settled as " + string(to[i])
		batch = append(batch, settlement{id: id, claim: claim.String(), status: to[i], text: text})
	}
	_, err := c.write(ctx, batch)
	return err
}

func (c *Consumer) Sweep(ctx context.Context) error  { return sweeper{c}.sweep(ctx) }
func (c *Consumer) Expire(ctx context.Context) error { return sweeper{c}.expire(ctx) }

// Permits asks the bucket for up to n.
func (c *Consumer) Permits(ctx context.Context, n int) (waiting bool, granted int, next time.Duration, err error) {
	got, err := c.Pacer().askPermits(ctx, n)
	return got.waiting, got.granted, got.next, err
}

// Pacer keeps the permits of a claimer.
type Pacer struct{ pacer }

func (c *Consumer) Pacer() *Pacer { return &Pacer{pacer{Consumer: c}} }

func (p *Pacer) Take(ctx context.Context, n int) (int, error) { return p.takePermits(ctx, n) }
func (p *Pacer) Spend(taken, n int)                           { p.spendPermits(taken, n) }
func (p *Pacer) Keep(d time.Duration)                         { p.until = time.Now().Add(d) }

// Release gives back what a claim whose answer was lost has taken.
func (c *Consumer) Release(ctx context.Context, claim uuid.UUID) error {
	c.claims.lose(claim.String())
	return c.ReleaseAgain(ctx)
}

// ReleaseAgain is what the claimer does in a later round.
func (c *Consumer) ReleaseAgain(ctx context.Context) error {
	return newClaimer(c).releaseLost(ctx)
}

// KindTexts are the kinds that this package writes, with what a row says of each. A pause has words of its own.
var KindTexts = map[string]string{
	kindParametersBroken: textParametersBroken, kindInternalError: textInternalError, kindTooLate: textTooLate,
	kindCrashed: textCrashed, kindCrashedRepeatedly: textCrashedRepeatedly, kindExpired: textExpired,
	kindDatabaseCopy: "",
}

// Raced says that the race detector is on.
const Raced = raced
