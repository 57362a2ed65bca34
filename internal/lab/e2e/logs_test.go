package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/submsg/submsg/cmd/submsg/command"
)

// However many messages go out, fail or can't be rendered, the log has a line for each at level debug only.
func TestLogOfMessages(t *testing.T) {
	t.Parallel()
	const messages = 1000
	for level, few := range map[string]bool{"info": true, "debug": false} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			psql(t, w.db, fmt.Sprintf(`INSERT INTO subMsgList (openid, templateId, parameterArr)
				SELECT '%s' || lpad(g::text, 24, '0'), CASE g %% 4 WHEN 1 THEN 'nosuch' ELSE 'orderStatus' END,
					ARRAY['生椰拿铁', CASE g %% 4 WHEN 2 THEN 'free' ELSE '19.9' END, '已发货', '谢谢'] FROM generate_series(1, %d) g;`, personMark, messages))
			p := w.serve("SUBMSG_LOG_LEVEL="+level, "SUBMSG_LOG_FORMAT=text")
			eventually(t, "all have failed", func() bool { return w.count("fail") == messages })
			p.signal(syscall.SIGTERM)
			if code := p.exit(); code != command.ExitOK {
				t.Errorf("exit code %d", code)
			}
			if n := strings.Count(p.err.String(), "\n"); few && n > 4 || !few && n < messages {
				t.Errorf("%d lines of log for %d messages", n, messages)
			}
		})
	}
}

// A pause is one line of log, however many messages meet it at once and probes find it.
func TestLogOfPauses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	w.insertPeople(200)
	w.post("/_fake/faults", `{"kind":"system_error","count":-1}`, nil)
	p := w.serve("SUBMSG_PROBE_EVERY=200ms") // longer than a send: a late answer would begin the pause anew
	eventually(t, "five probes have found it", func() bool { return w.number(`SELECT coalesce(max(probes), 0) FROM subMsgPause`) >= 5 })
	w.clearFaults()
	eventually(t, "all are sent", func() bool { return w.count("success") == 200 })
	if paused, over := p.count("paused, one message tries in"), p.count("the pause is over"); paused != 1 || over != 1 {
		t.Errorf("said %d times that it begins and %d times that it is over", paused, over)
	}
}

// A listener that is cut off again and again, and a token that is refused again and again, are a line each.
func TestLogOfIncidents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all")
	p := w.serve("SUBMSG_WECHAT_SECRET="+secretMark+"ButAnotherOne",
		"SUBMSG_LISTEN_URL=postgres://127.0.0.1:1/nothing?sslmode=disable")
	asked := w.stats().Tokens.Stable
	// and for a connection a few times
	eventually(t, "it asks for a token twice more", func() bool { return w.stats().Tokens.Stable >= asked+2 })
	for _, line := range []string{"no new access token", "nothing can be sent", "wakes don't arrive"} {
		if n := p.count(line); n != 1 {
			t.Errorf("said %q %d times", line, n)
		}
	}
}
