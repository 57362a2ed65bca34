package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// A quota is tried when the channel says that it is filled up again, and not before. The message that met it waits for
// the pause only, so that it goes with the others when a person lifts that.
func TestQuotaIsTriedWhenItIsOver(t *testing.T) {
	t.Parallel()
	d, code := newDB(t), int32(45009)
	ch := &channel{answer: func(context.Context, outbox.Claimed) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Halt, Trouble: outbox.Quota, Code: &code, Text: "quota",
			After: 9 * time.Hour, Stops: []string{outbox.WholeAccount}}
	}}
	run(t, config(d, ch))
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 100) AS n`)
	probe := `SELECT count(*) FROM subMsgPause WHERE probeAt - clock_timestamp() BETWEEN interval '8:59' AND interval '9:00'`
	eventually(t, "paused", func() bool { return one[int](d, probe) == 1 && d.count(`sendStatus = 'sending'`) == 0 })
	if n := d.count(`sendStatus = 'wait' AND sendAfter <= createTime AND attempts = 0`); n != 100 {
		t.Errorf("%d of 100 wait as if nobody had tried them", n)
	}
	before := ch.count()
	d.exec(`UPDATE subMsgPause SET probeAt = now(), pausedAt = now() - interval '3 days'`)
	eventually(t, "tried once, and put off again", func() bool {
		return ch.count() == before+1 && one[int](d, probe) == 1
	})
}
