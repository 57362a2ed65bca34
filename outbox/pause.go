package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/outbox/internal/store"
)

// A pause keeps the messages of a template, of an account, or all messages waiting without touching their rows. It is a
// row of subMsgPause, so every replica obeys it, and a person can see and delete it.

// The keys of pauses that aren't a template's.
const (
	// Everything is the key of the pause of all accounts. Followed by an account's name it is that account's.
	Everything = "*"
	// WholeAccount, in Verdict.Stops, stands for the key of the account that has sent.
	WholeAccount = "*"
)

// pauseKey is the key of an account's pause.
func (a Account) pauseKey() string { return Everything + a.Name }

// stopped are the keys of what a verdict on a message stops.
func (m message) stopped(v Verdict) (keys []string) {
	for _, key := range v.Stops {
		if key == WholeAccount {
			key = m.account.pauseKey()
		}
		keys = append(keys, key)
	}
	return keys
}

// Stopped tells why nothing at all is sent until a person deletes the pause of everything; "" if there is no such
// pause. A pause for something that WeChat has stopped isn't meant, because that is tried now and then.
func Stopped(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (why string, err error) {
	err = db.QueryRow(ctx, store.StoppedSQL).Scan(&why)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return why, err
}

// judge decides from verdicts what is to be paused, and what a probe has shown.
type judge struct {
	trouble  map[string]int        // by account: sends in a row that met everybody's trouble, as "system busy"
	refusals map[string]refusalRun // by templateId
}

func newJudge() judge {
	return judge{trouble: make(map[string]int), refusals: make(map[string]refusalRun)}
}

// refusalRun are refusals of one template's messages by the same errcode, to one person after the other, with no
// success between.
type refusalRun struct {
	code   int32
	openid string // the last one's
	n      int
}

// ruling is what a verdict means for its message and for others.
type ruling struct {
	own      Verdict  // on the message's own row
	pause    []string // templates to pause
	why      Verdict  // for that
	lift     []string // pauses that are over
	accepted bool     // because the probe was accepted
	repeat   string   // the pause whose probe has shown nothing, and is due again
}

// rule judges the verdict on a message.
func (j *judge) rule(m message, v Verdict) ruling {
	stops, own := m.stopped(v), m.account.pauseKey()
	wholeProbe := m.Probe == own || m.Probe == Everything
	switch {
	case v.Outcome == Halt:
		j.trouble[own] = 0
		r := ruling{own: v, pause: stops, why: v}
		if wholeProbe && v.Code != nil && len(stops) > 0 && !slices.Contains(stops, own) {
			r.lift = []string{m.Probe} // the account answers, and only this template is stopped
		}
		return r
	case v.Outcome == Refused && v.Code == nil:
		return ruling{own: v, repeat: m.Probe}
	case v.Outcome == Accepted || v.Outcome == Refused:
		j.trouble[own] = 0
		r := ruling{own: v, accepted: v.Outcome == Accepted}
		if m.Probe != "" {
			r.lift = []string{m.Probe}
		}
		if wholeProbe {
			r.lift = append(r.lift, own, m.TemplateID) // which may be paused themselves
		}
		if j.refusedAgain(m, v) {
			r.pause, r.why = []string{m.TemplateID}, everythingRefused(m.TemplateID, v)
		}
		return r
	case len(stops) == 0:
		return ruling{own: v}
	}
	j.trouble[own]++
	if j.trouble[own] < accountTroubleLimit && m.Probe == "" {
		return ruling{own: v}
	}
	if v.Outcome == Later && !v.Doubt {
		v.Outcome = Halt // it is everybody's trouble, so no message is at fault
	}
	return ruling{own: v, pause: stops, why: v}
}

// refusedAgain counts a verdict, and tells whether so many people's messages of a template were refused alike that the
// reason isn't in them.
func (j *judge) refusedAgain(m message, v Verdict) bool {
	if v.Outcome == Accepted {
		delete(j.refusals, m.TemplateID)
		return false
	}
	if v.Personal {
		return false
	}
	run := j.refusals[m.TemplateID]
	if run.code != *v.Code {
		run = refusalRun{code: *v.Code}
	}
	if run.openid != m.OpenID {
		run.openid = m.OpenID
		run.n++
	}
	if len(j.refusals) > mostRefusalRuns {
		clear(j.refusals)
	}
	j.refusals[m.TemplateID] = run
	return run.n >= sameRefusalLimit
}

// everythingRefused is why a template is paused of which everything is refused. A refused probe doesn't lift it.
func everythingRefused(template string, v Verdict) Verdict {
	return Verdict{Outcome: Halt, Trouble: Banned, Code: v.Code, Kind: kindEverythingRefused, Text: fmt.Sprintf(
		"%s (%d different people in a row; DELETE FROM subMsgPause WHERE templateId = '%s' goes on)：%s",
		textEverythingRefused, sameRefusalLimit, strings.ReplaceAll(template, "'", "''"), v.Text)}
}

// pauseRequest is a pause that a batch of outcomes asks for: one, however many of them met the same.
type pauseRequest struct {
	templates []string
	why       Verdict
	ids       []int64 // the messages that met it
}

func addPauseRequest(list []pauseRequest, id int64, templates []string, why Verdict) []pauseRequest {
	i := slices.IndexFunc(list, func(r pauseRequest) bool { return slices.Equal(r.templates, templates) })
	if i < 0 {
		return append(list, pauseRequest{templates, why, []int64{id}})
	}
	list[i].why, list[i].ids = why, append(list[i].ids, id)
	return list
}

// stops tells whether a pause is for a message.
func stops(templates []string, m message) bool {
	return slices.Contains(templates, m.TemplateID) || slices.Contains(templates, m.account.pauseKey())
}
