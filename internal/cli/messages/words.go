package messages

import (
	"fmt"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/internal/ops"
)

// explained says why a message is as it is, and what a person may do.
func explained(m told, tongue explain.Tongue) (why, next []string) {
	known := explain.Message{
		ID: m.ID, Status: string(m.Status), Now: m.Now, SendAfter: m.SendAfter, ExpireTime: m.ExpireTime,
		Attempts: m.Attempts, Stale: m.Stale, Ahead: counted(m.Ahead), Served: m.Listeners > 0,
		Unfit: m.Unfit, Refused: m.Memory.Refused, Behind: m.Behind, Unready: m.Unready, Trouble: m.Trouble,
	}
	if m.Memory.Unknown {
		known.Unknown = m.TemplateID
	}
	if m.Cause != nil {
		known.Cause = m.Cause.Explained()
	}
	if m.Held != nil {
		known.Rule, known.HeldUntil = m.Held.Rule, m.Held.Due
	}
	for _, p := range m.Pauses {
		known.Pauses = append(known.Pauses, paused(p, tongue))
	}
	return known.Explain(tongue)
}

// paused is a pause for people.
func paused(p ops.Pause, tongue explain.Tongue) explain.Pause {
	return explain.Pause{What: p.What, Why: pauseReason(p, tongue), Since: p.Since,
		NextTry: p.NextProbe, Lift: p.Lift}
}

// pauseReason is the reason in the reader's tongue. A pause that only a person lifts is told in the row's own words,
// because these hold both tongues, and what had been paused before.
func pauseReason(p ops.Pause, tongue explain.Tongue) string {
	switch {
	case tongue != explain.English || p.English == "" || p.NextProbe == nil:
		return p.Why
	case p.ErrCode == nil:
		return p.English
	}
	return fmt.Sprintf("%s (errcode %d)", p.English, *p.ErrCode)
}

// counted is a number that was counted no further than ops.MostCounted.
func counted(n int64) explain.Count { return explain.Count{N: n, Most: ops.MostCounted} }
