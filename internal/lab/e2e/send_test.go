package e2e

import (
	"os"
	"regexp"
	"testing"
)

// The exit code of `submsg send` is the message's outcome.
func TestSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/_fake/grants", `{"openid":"`+person(1)+`","templateId":"*","count":-1}`, nil)
	send := func(name string, want int, says string, args ...string) {
		t.Helper()
		code, out, err := w.run(append([]string{"send"}, args...)...)
		if code != want {
			t.Errorf("%s: exit code %d, want %d", name, code, want)
		}
		if !regexp.MustCompile(says).MatchString(out + err) {
			t.Errorf("%s: no %s in\n%s%s", name, says, out, err)
		}
	}
	good := []string{"orderStatus", "生椰拿铁", "19.9", "已发货", "谢谢"}
	with := func(n int, flags ...string) []string { return append(append(flags, person(n)), good...) }

	send("inserted only", 0, `^message \d+ inserted\n$`, with(1, "--wait=0")...)
	send("nobody serves", 1, `message \d+ is still "wait" after 300ms: is .submsg serve. running\?`, with(1, "--wait=300ms")...)
	p := start(t, w.settings(), append([]string{"send"}, with(1)...)...)
	p.match(&p.out, `wait\n`)
	p.signal(os.Interrupt)
	if code := p.exit(); code != 1 {
		t.Errorf("interrupted: exit code %d", code)
	}
	p.says(`^submsg: message \d+ is still "wait"`)
	send("refused by the table", 1, "openid_is_1_to_64", "two words", "orderStatus")
	if n := w.number(`SELECT count(*) FROM subMsgList`); n != 3 {
		t.Errorf("%d rows", n)
	}
	w.serve()
	send("success", 0, `message \d+ inserted\n(?s:.*)message \d+ success.* \(msgId \d{17,}\)\n$`, with(1)...)
	send("by id, values that look like flags", 0, "success", person(1), orderStatusID, "a", "1", "--page=x", "--")
	send("a first value like a flag", 0, "success", person(1), orderStatusID, "--", "-a", "1", "--page=x", "--")
	send("no permission", 1, `was not sent: fail: 用户未授权`, with(2)...)
	send("a bad value", 1, `was not sent: fail: .*parameter 2 \(goodsPrice\)`, person(1), "orderStatus", "a", "free", "b", "c")
	send("no such template", 1, `未知模板`, person(1), "nosuch")
	send("scheduled", 1, `still "wait" after 300ms`, with(1, "--after=1h", "--wait=300ms")...)
	send("expires first", 1, `was not sent: expired: `, with(1, "--after=1h", "--expire=500ms")...)
	send("once", 0, "success", with(1, "--dedup-key=order 42")...)
	send("twice", 1, `there is a message with dedupKey "order 42" already`, with(1, "--dedup-key=order 42")...)
	send("page", 0, "success", with(1, "--page=pages/mine")...)
	send("wrong duration", 2, "after", with(1, "--after=soon")...)
	if sent := w.sent(person(1)); len(sent) != 8 || sent[7].Page != "pages/mine" {
		t.Errorf("%d messages arrived: %+v", len(sent), sent)
	}
	w.wantSent(person(2), 0)
}
