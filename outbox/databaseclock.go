package outbox

import "time"

// databaseClock tells the database's time, as far as its last answer allows. A claim carries its end by that clock.
type databaseClock struct {
	answer   time.Time     // what the database's clock said
	received time.Duration // when, by the boot clock; a little late, so that a claim ends a little early
}

// read takes in what the database's clock said. The zero time is no answer.
func (c *databaseClock) read(answer time.Time, now time.Duration) {
	if !answer.IsZero() {
		c.answer, c.received = answer, now
	}
}

// at is the database's time at a time of the boot clock. Before the first answer it is long past.
func (c *databaseClock) at(t time.Duration) time.Time { return c.answer.Add(t - c.received) }
