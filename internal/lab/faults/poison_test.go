//go:build faults

package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// poisons are single rows that can't be read, rendered, claimed or settled, some only after an administrator has
// dropped the table's rules or made his own. Each stands before all others; $1 is its openid. end is what becomes of
// it.
var poisons = []struct {
	name, row, end, text string
}{
	{"a NULL among its parameters", `'orderStatus', ARRAY['a', NULL, 'c', 'd']`, "fail", "holds a NULL"},
	{"a nested list", `'orderStatus', ARRAY[['a', 'b'], ['c', 'd']]`, "fail", "nested"},
	{"a megabyte", `'orderStatus', ARRAY[repeat('很', 350000), '1', 'c', 'd']`, "fail", "parameter 1 (goodsName)"},
	{"a million parameters", `'orderStatus', array_fill('x'::text, ARRAY[1000000])`, "fail", "参数不符合模板要求"},
	{"no such template", `'nosuch', ARRAY['a', '1', 'c', 'd']`, "fail", "未知模板"},
	{"no price", `'orderStatus', ARRAY['a', 'b', 'c', 'd']`, "fail", "parameter 2 (goodsPrice)"},
	{"a claim that a rule refuses", `'orderStatus', ARRAY['a', '1', 'c', 'frozen']`, "wait", ""},
	{"an outcome that a trigger refuses", `'orderStatus', ARRAY['a', '1', 'c', 'unspeakable']`, "sending", ""},
}

const administratorSQL = `
ALTER TABLE subMsgList DROP CONSTRAINT parameterarr_is_a_plain_list_without_null,
	DROP CONSTRAINT parameterarr_is_at_most_32_values_and_8192_bytes;
CREATE FUNCTION unspeakable() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
CREATE TRIGGER unspeakable BEFORE UPDATE ON subMsgList FOR EACH ROW
WHEN (NEW.parameterArr[4] = 'unspeakable' AND NEW.sendStatus <> 'sending') EXECUTE FUNCTION unspeakable()`

// TestPoison puts all of them before a thousand others, which go all the same; what the database refuses is settled
// when the administrator has thought better of it.
func TestPoison(t *testing.T) {
	t.Parallel()
	others := max(999, *cycles)
	clean := newLab(t, fakewechat.Options{})
	clean.insert(others)
	began := time.Now()
	clean.startPatient()
	clean.quiesce(time.Minute)
	took := time.Since(began)
	clean.check(0)

	l := newLab(t, fakewechat.Options{})
	l.exec(administratorSQL)
	for n, p := range poisons {
		l.exec(`INSERT INTO subMsgList (createTime, sendAfter, openid, templateId, parameterArr)
			VALUES (now() - interval '1 day', now() - interval '1 day', $1, `+p.row+`)`, poisoned(n))
		total.inject("poison: "+p.name, 1)
	}
	l.exec(`ALTER TABLE subMsgList ADD CONSTRAINT no_longer CHECK (parameterArr[4] <> 'frozen') NOT VALID`)
	l.insert(others)
	began = time.Now()
	w := l.startPatient()
	l.within(time.Minute, "all others are sent", func() bool {
		return l.count(`sendStatus = 'success'`) == others
	})
	t.Logf("%d messages in %s, beside %d poisoned ones in %s", others, took, len(poisons), time.Since(began))
	for n, p := range poisons {
		l.within(10*time.Second, p.name+" ends as "+p.end, func() bool {
			return l.count(`openid = $1 AND sendStatus = $2 AND coalesce(sendStatusMsg, '') LIKE '%' || $3 || '%'`,
				poisoned(n), p.end, p.text) == 1
		})
	}
	for _, line := range []string{
		"the database lets nobody write this message", `outcome \"success\" refused by the database`,
	} {
		if n := strings.Count(w.log.String(), line); n != 1 {
			t.Errorf("the log says %q %d times, want once:\n%s", line, n, w.log.tail(2000))
		}
	}

	l.exec(`ALTER TABLE subMsgList DROP CONSTRAINT no_longer; DROP TRIGGER unspeakable ON subMsgList`)
	l.startPatient() // which knows nothing of refusals; the other would try again within a minute
	l.quiesce(30 * time.Second)
	if n := l.count(`sendStatus = 'success' AND parameterArr[4] IN ('frozen', 'unspeakable')`); n != 2 {
		t.Errorf("%d of the 2 that were refused have arrived", n)
	}
	// They bear no key.
	l.exec(`DELETE FROM subMsgList WHERE sendAfter < now() - interval '1 hour' AND sendStatus = 'fail'`)
	l.check(0)
}

func poisoned(n int) string { return fmt.Sprintf("%sPOISON%06d", openidPrefix, n) }

// TestProcessKiller has a message that kills every worker which is about to send it, although its template would have
// it sent again: after three claims it is left to a person. Others that were in flight beside it are not.
func TestProcessKiller(t *testing.T) {
	t.Parallel()
	l, env := newStockedLab(t, fakewechat.Options{Latency: 5 * time.Millisecond})
	var kills int
	rounds := max(1, *cycles/100)
	for round := range rounds {
		killer := poisoned(round)
		arm := fmt.Sprintf("SUBMSG_FAILPOINT=sending=%s:1:kill", killer)
		replicas := []*worker{l.start(env, arm), l.start(env, arm)}
		l.insertOf("again", 150, 150)
		key := l.keys.Add(1)
		l.exec(`INSERT INTO subMsgList (openid, templateId, parameterArr)
			VALUES ($1, 'again', ARRAY['生椰拿铁', '19.9', '已发货', 'm' || $2::bigint])`, killer, key)
		l.insertOf("again", 150, 150)
		l.insertOf("orderStatus", 300, 300)
		l.within(time.Minute, "the killer is in quarantine", func() bool {
			for i, w := range replicas {
				if !w.running() {
					kills++
					replicas[i] = l.start(env, arm)
				}
			}
			return l.count(`openid = $1 AND sendStatus = 'unknown' AND attempts = 3
				AND sendStatusMsg LIKE '%quarantined%'`, killer) == 1
		})
		l.quiesce(time.Minute)
		for _, w := range replicas {
			w.terminate(20 * time.Second)
		}
	}
	total.inject("kills by a poisoned message", kills)
	if kills != 3*rounds {
		t.Errorf("%d kills in %d rounds, want 3 each", kills, rounds)
	}
	if n := l.count(`templateId = 'again' AND sendStatus <> 'success'`); n != rounds {
		t.Errorf("%d messages of the killer's template did not arrive, want the %d killers only", n, rounds)
	}
	if n := l.count(`templateId = 'orderStatus' AND sendStatus NOT IN ('success', 'unknown')`); n > 0 {
		t.Errorf("%d messages of the other template failed", n)
	}
	l.checkResent(kills * inDoubt)
}

// checkResent is check for templates that accept a second message: most of those, and of unknown ones.
func (l *lab) checkResent(most int) {
	l.t.Helper()
	o := l.compare()
	l.t.Logf("%+v", o)
	if o.lost+o.falseSuccess+o.falseFail+o.stuck > 0 || o.duplicated > most || o.unknown > most {
		l.t.Errorf("broken promises: %+v; at most %d were in flight", o, most)
	}
	total.inject("second messages, as their template asks", o.duplicated)
	o.duplicated = 0
	total.add(o)
	l.checkSecrets()
}
