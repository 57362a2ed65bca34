package outbox

import (
	"context"
	"time"
)

// Sender is the way to people: the accounts of a channel or of several, or a wrapper around that (metrics, grants).
// It is called by many goroutines at once.
type Sender interface {
	// Accounts lists what it sends by. It answers at once, because it is asked before each claim, and with the same
	// slice for as long as nothing has changed.
	Accounts() []Account

	// Ready takes what every send of an account needs (a token, say) before any row of its is claimed. Accepted means
	// go; anything else keeps its rows waiting, and its Text says why.
	Ready(ctx context.Context, account string) Verdict

	// Send sends one claimed message and judges the outcome. It returns within the context's
	// deadline and never panics.
	Send(ctx context.Context, c Claimed) Verdict
}

// Claimed is a message on its way out: what a Sender is given.
type Claimed struct {
	ID          int64
	OpenID      string
	TemplateID  string // as the application wrote it: WeChat's id or the template's name
	Account     string // by which it goes; "" where no account sends this template
	Params      []string
	Page        string    // "" keeps the template's page
	Attempt     int       // 1 for the first claim
	TraceParent string    // its trace, "" for none: as somebody wrote it, so it may be no traceparent at all
	Due         time.Time // when it was to be sent, by the database's clock; zero: unknown. Long ago if sent again
	Woken       time.Time // when the wake was heard that led to its claim; zero for what was found without one
}

// Outcome is the kind of a Verdict. The zero Outcome is Unknown: a Sender that forgets to judge
// claims nothing.
type Outcome uint8

const (
	// Unknown: the request may have reached the channel, and nobody knows. Never sent again by itself.
	Unknown Outcome = iota
	// Accepted: the channel took the message.
	Accepted
	// Refused: this message will never be taken as it is.
	Refused
	// Later: this message was certainly not taken; trying again makes sense and costs an attempt.
	Later
	// Halt: certainly not taken, and the message is not at fault: its template or the whole account
	// is stopped. The row waits, no attempt is spent.
	Halt
)

func (o Outcome) String() string {
	return [...]string{"unknown", "accepted", "refused", "later", "halt"}[o]
}

// Trouble is a kind of trouble for which the retry policy (retry.go) has times of its own.
type Trouble uint8

// The kinds. The zero Trouble is any other.
const (
	// PersonBusy: the channel takes one message to a person at a time, and another one is under way.
	PersonBusy Trouble = iota + 1
	// Busy: the channel is busy or can't be reached, which passes by itself.
	Busy
	// Quota: so many messages were taken that no more are, until After.
	Quota
	// Credentials: the channel doesn't know the account by what it was shown. Ready holds messages back meanwhile.
	Credentials
	// Banned: somebody has stopped the account or the template.
	Banned
)

// Verdict is a channel's judgement of one send.
type Verdict struct {
	Outcome Outcome
	Code    *int32        // WeChat's errcode; nil when WeChat did not answer
	Kind    string        // what happened where there is no errcode: a Kind of package explain, or ""; goes to errKind
	Text    string        // for people, goes to sendStatusMsg: no secret, no token
	MsgID   int64         // WeChat's msgid, 0 if none
	After   time.Duration // Later and Halt: not sooner than this; with Stops, their next probe. 0 leaves it to Trouble
	Tries   int           // Later: fail after so many; 0 leaves it to Config.MaxAttempts

	Trouble Trouble // Later and Halt: what it met, as far as that decides when to try again

	// Stops names what can't be sent until further notice: WholeAccount, or every spelling of the
	// template (its id and its name). Set with Halt. With Later and Unknown it holds WholeAccount when the
	// trouble looks like everybody's (system busy, 502): several such in a row stop the account.
	Stops []string

	// Misfit, with Refused: the template files of this process have no such template, or one with another number of
	// parameters. Where another replica's fit, the message is left to that one instead (Config.Catalogue).
	Misfit bool

	// Personal, with Refused: it is about this person and says nothing of others, such as that he gave no consent.
	Personal bool

	// Doubt, with Later: the message may have been taken all the same, and its template accepts a second
	// one. When its attempts are used up it becomes unknown, not fail.
	Doubt bool
}
