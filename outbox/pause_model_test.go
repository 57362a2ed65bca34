package outbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/submsg/submsg/outbox"
)

// Whatever is paused is probed until it is lifted: from every combination of pauses, whatever waits, and whatever the
// channel says to the first probe, all messages are sent once the channel is well again, and no pause is left.
func TestEveryPauseEnds(t *testing.T) {
	t.Parallel()
	code := int32(43116)
	verdicts := map[string]outbox.Verdict{
		"the template is stopped": {Outcome: outbox.Halt, Code: &code, Text: "banned", Stops: []string{"t", "tName"}},
		"the account is stopped":  {Outcome: outbox.Halt, Code: &code, Text: "quota", Stops: []string{outbox.WholeAccount}},
		"no token":                {Outcome: outbox.Halt, Text: "no token", Stops: []string{outbox.WholeAccount}},
		"busy":                    {Outcome: outbox.Later, Code: &code, Text: "busy", Stops: []string{outbox.WholeAccount}},
		"the connection is cut":   {Outcome: outbox.Later, Text: "cut", Stops: []string{outbox.WholeAccount}},
		"this person, later":      {Outcome: outbox.Later, Code: &code, Text: "43108"},
		"refused by the channel":  {Outcome: outbox.Refused, Code: &code, Text: "refused"},
		"not rendered":            {Outcome: outbox.Refused, Text: "not rendered"},
		"in doubt, as for all":    {Outcome: outbox.Unknown, Text: "502", Stops: []string{outbox.WholeAccount}},
		"in doubt":                {Outcome: outbox.Unknown, Text: "timeout"},
	}
	d := newDB(t)
	var mu sync.Mutex
	var first *outbox.Verdict
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			return accepted(m)
		}
		v := *first
		first = nil
		return v
	}}
	run(t, config(d, ch))
	n := 0
	for _, pauses := range [][]string{{"t", "tName"}, {"*"}, {"*", "t", "tName"}, {"*", "idle"}, {"u"}} {
		for _, waiting := range [][]string{{"t"}, {"tName"}, {"t", "u"}} {
			if pauses[0] == "u" && len(waiting) == 1 {
				continue // nothing waits for it
			}
			for says, v := range verdicts {
				n++
				mu.Lock()
				first = &v
				mu.Unlock()
				name := fmt.Sprintf("paused %q, waiting %q, first %s", pauses, waiting, says)
				d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt, spellings)
					SELECT p, 'x', now() + interval '10 ms', CASE WHEN p LIKE 't%' THEN '{t,tName}'::text[] END
					FROM unnest($1::text[]) AS p`, pauses)
				d.exec(`INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter)
					SELECT 'o' || $1 || w || k, w, ARRAY[$1], now() - interval '1 s'
					FROM unnest($2::text[]) AS w, generate_series(1, 2) AS k`, fmt.Sprint(n), waiting)
				eventually(t, name+": all come to an end", func() bool {
					return d.count(`sendStatus IN ('wait', 'sending')`) == 0 &&
						one[int](d, `SELECT count(*) FROM subMsgPause WHERE templateId <> 'idle'`) == 0
				})
				if bad := d.count(`sendStatus <> 'success' AND parameterArr[1] = $1`, fmt.Sprint(n)); bad > 1 {
					t.Errorf("%s: %d messages did not succeed", name, bad)
				}
				d.exec(`DELETE FROM subMsgPause`)
			}
		}
	}
}

// A pause under several spellings ends as a whole: by a probe of either, and by a person who deletes one.
func TestPauseIsLiftedUnderAllSpellings(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	code := int32(43116)
	var banned sync.Mutex
	is := true
	ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		banned.Lock()
		defer banned.Unlock()
		if is {
			return outbox.Verdict{Outcome: outbox.Halt, Code: &code, Text: "banned", Stops: []string{"id", "name"}}
		}
		return accepted(m)
	}}
	cfg := config(d, ch)
	run(t, cfg)
	pauses := func() int { return one[int](d, `SELECT count(*) FROM subMsgPause`) }
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 'name')`) // and none by its id
	eventually(t, "paused", func() bool { return pauses() == 2 })
	banned.Lock()
	is = false
	banned.Unlock()
	eventually(t, "lifted by its probe", func() bool { return pauses() == 0 })

	for _, sql := range []string{`DELETE FROM subMsgPause WHERE templateId = 'id'`,
		`DELETE FROM subMsgPause WHERE templateId = 'name'`} {
		d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt, spellings) VALUES
			('id', 'x', 'infinity', '{id,name}'), ('name', 'x', 'infinity', '{id,name}'), ('other', 'x', 'infinity', '{other}'),
			('alone', 'x', 'infinity', NULL)`)
		d.exec(sql)
		if n := pauses(); n != 2 {
			t.Errorf("%d pauses are left after %s", n, sql)
		}
		d.exec(`DELETE FROM subMsgPause`)
	}
}

// Whoever pauses a template by hand under one of its spellings pauses it under the other, too, and lifts both.
func TestPausedUnderBothSpellings(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgTemplate (templateId, name) VALUES ('id-of-t', 't')`)
	run(t, config(d, ch))
	for _, spelling := range [][2]string{{"t", "id-of-t"}, {"id-of-t", "t"}} {
		d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ($1, 'by hand', 'infinity')`, spelling[0])
		waits := d.insert(outbox.Message{OpenID: "o1", TemplateID: "t"},
			outbox.Message{OpenID: "o2", TemplateID: "id-of-t"})
		d.eventually(d.insert(outbox.Message{OpenID: "o3", TemplateID: "u"})[0], "success")
		if a, b := d.status(waits[0]), d.status(waits[1]); a != "wait" || b != "wait" {
			t.Errorf("paused under %s, messages are %s and %s", spelling[0], a, b)
		}
		d.exec(`DELETE FROM subMsgPause WHERE templateId = $1`, spelling[1])
		d.eventually(waits[0], "success")
		d.eventually(waits[1], "success")
		if n := one[int](d, `SELECT count(*) FROM subMsgPause`); n > 0 {
			t.Errorf("%d pauses are left", n)
		}
	}
}
