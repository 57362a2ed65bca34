package wechat

import (
	"time"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

// reach says whom an errcode or a status concerns.
type reach uint8

const (
	message  reach = iota // this message, or all to its person
	template              // every message of its template
	account               // every message of the account
)

// judgement is what an errcode or a status means for a message.
type judgement struct {
	reach   reach
	outcome outbox.Outcome
	trouble outbox.Trouble // with Later and Halt
	after   time.Duration  // likewise: not sooner than this; 0 leaves it to the trouble
}

const (
	refused = outbox.Refused
	later   = outbox.Later
	halt    = outbox.Halt
	unknown = outbox.Unknown

	busy        = outbox.Busy
	quota       = outbox.Quota
	credentials = outbox.Credentials
	banned      = outbox.Banned
)

// judgements has the errcodes of subscribe/send that do more than to refuse their message. Each certainly was not sent.
// An errcode that is not here but has words in explain.WeChat refuses its message; one without words is unlisted.
var judgements = map[int32]judgement{
	// WeChat is busy.
	-1:     {account, later, busy, 0},
	20001:  {account, later, busy, 0},
	200001: {account, later, busy, 0},

	// The access_token: a send is tried once more with another token before it comes to this.
	40001: {account, halt, credentials, 0},
	40014: {account, halt, credentials, 0},
	41001: {account, halt, credentials, 0},
	42001: {account, halt, credentials, 0},

	// The credentials, and the account as a whole.
	40002: {account, halt, credentials, 0},
	40013: {account, halt, credentials, 0},
	40125: {account, halt, credentials, 0},
	40243: {account, halt, credentials, 0},
	41002: {account, halt, credentials, 0},
	41004: {account, halt, credentials, 0},
	43002: {account, halt, banned, 0},
	50004: {account, halt, banned, 0},
	50007: {account, halt, banned, 0},

	// The allow list of IP addresses.
	40164: {account, halt, credentials, 0},
	89501: {account, halt, credentials, 0},
	89503: {account, halt, credentials, 0},
	89506: {account, halt, credentials, 24 * time.Hour},
	89507: {account, halt, credentials, time.Hour},

	// The account's rights and its quotas. The daily one lasts until its reset (quota.go).
	43104: {account, halt, banned, 0},
	43106: {account, halt, banned, 0},
	43107: {account, halt, banned, 0},
	45009: {account, halt, quota, 0},
	45011: {account, halt, quota, time.Minute},
	45102: {account, halt, banned, 0},
	45109: {account, halt, banned, 0},
	45501: {account, halt, banned, 0},
	48001: {account, halt, banned, 0},
	48004: {account, halt, banned, 0},
	48006: {account, halt, banned, 0},
	48008: {account, halt, banned, 0},

	// The template.
	40037: {template, halt, banned, 0},
	43102: {template, halt, banned, 0},
	43116: {template, halt, banned, 0},

	// The person. 43108 says that another message to him is under way.
	43108: {message, later, outbox.PersonBusy, 0},
	43117: {message, later, 0, 10 * time.Minute},
}

// unlistedTries is how often a message is tried that meets an errcode without words: some ten seconds in all.
const unlistedTries = 5

// judgementOf returns what an errcode means, in words and for the message. It is unlisted when nobody wrote it down:
// such a message is tried a few more times.
func judgementOf(code int32) (cause explain.Cause, j judgement, listed bool) {
	if cause, listed = explain.WeChat[code]; !listed {
		return explain.WeChatUnlisted, judgement{message, later, 0, 0}, false
	}
	if j, ok := judgements[code]; ok {
		return cause, j, true
	}
	return cause, judgement{message, refused, 0, 0}, true
}

// verdict is what outbox is told, with words for people; the details stand behind these, in parentheses.
func (j judgement) verdict(cause explain.Cause, details string) outbox.Verdict {
	v := outbox.Verdict{Outcome: j.outcome, Trouble: j.trouble, Text: weixin.Text(cause, details), After: j.after}
	if j.reach == account {
		v.Stops = []string{outbox.WholeAccount}
	}
	return v
}

// finding is what submsg itself found out about a send, where there is no errcode to go by.
type finding struct {
	kind explain.Kind
	judgement
}

func (f finding) verdict(details string) outbox.Verdict {
	v := f.judgement.verdict(explain.Kinds[f.kind], details)
	v.Kind = string(f.kind)
	return v
}

// statuses are HTTP statuses without an errcode that say: not processed. Whatever stands between here and WeChat may
// answer so, and it can take offence at one message, so that most only look like everybody's trouble.
// All others (302 and 303 follow on work done; 5xx says that it went wrong half-way) leave it unknown.
var statuses = map[int]finding{
	301: addressWrong, // moved
	307: addressWrong,
	308: addressWrong,
	404: addressWrong,
	405: addressWrong,
	407: addressWrong, // a proxy wants to know who asks
	413: {explain.KindTooLarge, judgement{message, refused, 0, 0}},
	429: {explain.KindTooFrequent, judgement{account, later, busy, 10 * time.Second}},
}

var (
	addressWrong = finding{explain.KindAddressWrong, judgement{account, halt, 0, 0}}

	// clientError is every other 4xx: whoever answered did not take the request.
	clientError = finding{explain.KindNotTaken, judgement{account, later, busy, 0}}

	templateMissing  = finding{explain.KindTemplateMissing, judgement{message, refused, 0, 0}}
	templateMismatch = finding{explain.KindTemplateMismatch, judgement{message, refused, 0, 0}}

	unreachable = finding{explain.KindUnreachable, judgement{account, later, busy, 0}}

	// answerMissing counts as trouble of the whole account. With onUnknown: resend it counts for its message only: as
	// the account's trouble it would be settled as Halt, which costs no attempt, and the message could be sent without
	// end.
	answerMissing       = finding{explain.KindAnswerMissing, judgement{account, unknown, busy, 0}}
	answerMissingResend = finding{explain.KindAnswerMissing, judgement{message, later, 0, 0}}

	resendUncertain = finding{explain.KindResendUncertain, judgement{message, unknown, 0, 0}}
)
