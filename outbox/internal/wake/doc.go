// Package wake knows when a consumer has to look at the queue: it hears NOTIFY and proves that it does (Listener), and
// decides whether the triggers shall notify (Rhythm) and what transactions that are open now may commit unheard
// (OpenWriters). The statements of the flag stand in package store; the model in its test says why none is missed. It
// knows no message. Begin with Listener.Run.
package wake

import "time"

// The channels that are listened to.
const (
	Channel       = "submsg"
	CanaryChannel = "submsg_canary"
)

// Of the listener.
const (
	connectTimeout = 10 * time.Second
	canaryTimeout  = 5 * time.Second // also of a ping: whatever takes longer is a dead connection
	leastReconnect = 100 * time.Millisecond
	mostReconnect  = 2 * time.Second
	// poolerReconnect is for a connection that hears nothing, because that doesn't heal by itself.
	poolerReconnect = 30 * time.Second
	// steadyAfter: a connection that held for so long has worked, and the next one is made without delay.
	steadyAfter = time.Minute
)

// Of busy polling: when messages come often, a consumer looks for them all the time instead of asking for wakes,
// because the application would pay for each NOTIFY.
const (
	BusyPollEvery = 4 * time.Millisecond
	BusyPollFor   = 50 * time.Millisecond // without a message for so long, they don't come often any more
	busyPollAfter = 3                     // claims in a row that found messages
)

// Of yielding: when another replica does all the work and each of its claims wakes us for nothing.
const (
	YieldFor   = time.Second
	yieldAfter = 3 // useless wakes in a row
	mostYields = 5 // in a row; then we ask for wakes again, as the other replica may have died
)

// Of open writers: we look again for what an open transaction may commit when another tenth of its age has passed. A
// long one costs few looks, a short one little delay.
const (
	writerShare = 10
	writerRest  = 5 * time.Millisecond
)
