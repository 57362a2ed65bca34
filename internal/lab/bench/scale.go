package bench

import "time"

// Scale is how much of everything a run does. Numbers count messages.
type Scale struct {
	Rounds     int           // turns of each side
	Drain      int           // waiting, to be sent
	InsertFor  time.Duration // a turn of inserting
	Wakes      int           // a turn, one at a time
	SustainFor time.Duration
	Bulk       int           // inserted at once, before single messages
	SinglesFor time.Duration // a turn of these, at most
	Base       int           // waiting: what a backlog is compared with
	Backlog    int           // waiting
	Settled    int           // settled, beside Base waiting ones; 0 leaves that figure out
	Sample     int           // sent of a backlog in one turn; below Base
	Cost       int
	IdleFor    time.Duration
	RestFor    time.Duration // how long a process with a backlog runs before its memory is read
}

// Full takes about twenty minutes, Quick about one.
var (
	Full = Scale{
		Rounds: 3, Drain: 100_000, InsertFor: 4 * time.Second, Wakes: 300, SustainFor: 10 * time.Second,
		Bulk: 1_000_000, SinglesFor: 20 * time.Second, Base: 10_000, Backlog: 1_000_000, Sample: 5_000,
		Cost: 20_000, IdleFor: 12 * time.Second, RestFor: 10 * time.Second,
	}
	Quick = Scale{
		Rounds: 2, Drain: 10_000, InsertFor: 300 * time.Millisecond, Wakes: 50, SustainFor: time.Second,
		Bulk: 20_000, SinglesFor: time.Second, Base: 10_000, Backlog: 100_000, Sample: 3_000,
		Cost: 2_000, IdleFor: 5 * time.Second, RestFor: time.Second,
	}
)

// Large adds the ten million settled messages. They take some 4 GB of disk, and minutes to write.
func (s Scale) Large() Scale {
	s.Settled = 10_000_000
	return s
}
