package e2e

import (
	"fmt"
	"regexp"
	"syscall"
	"testing"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

var sentLine = regexp.MustCompile(`msg=sent .*\bid=(\d+) outcome=accepted`)

// Two replicas start at once on an empty database, both migrate it, and share 10,000 messages. That both took part is
// read from their own logs at debug level: one line for each message that a process sent.
func TestTwoServes(t *testing.T) {
	t.Parallel()
	const messages = 10_000
	w := newWorldAt(t, pgtest.Empty(t), "--grant-all", "--latency=2ms", "--quiet")
	serves := make([]*process, 2)
	for i := range serves {
		serves[i] = start(t, w.settings("SUBMSG_MIGRATE=true", "SUBMSG_LOG_LEVEL=debug", "SUBMSG_SENDERS=16"), "serve")
	}
	for _, p := range serves {
		p.says("msg=serving")
	}
	psql(t, w.db, fmt.Sprintf("INSERT INTO subMsgList (openid, templateId, parameterArr) SELECT '%s' || lpad(g::text, "+
		"24, '0'), 'orderStatus', '{生椰拿铁,19.9,已发货,谢谢}' FROM generate_series(1, %d) g;", personMark, messages))
	eventually(t, "all are sent", func() bool {
		return w.number(`SELECT count(*) FROM subMsgList WHERE sendStatus = 'success'`) == messages
	})
	for _, p := range serves {
		p.signal(syscall.SIGTERM)
	}
	by := map[string]int{}
	for i, p := range serves {
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		lines := sentLine.FindAllStringSubmatch(p.err.String(), -1)
		t.Logf("serve %d sent %d messages", i+1, len(lines))
		if len(lines) == 0 {
			t.Errorf("serve %d took no part", i+1)
		}
		for _, line := range lines {
			by[line[1]]++
		}
	}
	if len(by) != messages {
		t.Errorf("the logs tell of %d messages", len(by))
	}
	for id, n := range by {
		if n != 1 {
			t.Errorf("message %s was sent %d times", id, n)
		}
	}
	people := map[string]bool{}
	for _, s := range w.sent("") {
		people[s.OpenID] = true
	}
	if len(people) != messages {
		t.Errorf("%d people got a message", len(people))
	}
	w.exactlyOnce(0)
}
