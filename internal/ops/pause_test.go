package ops_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/ops"
)

// A pause that isn't probed has no next probe, neither in structs nor in JSON. A pause whose probe is due since
// -infinity has one.
func TestPauseWithoutProbe(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('*', '副本 (a copy)', 'infinity'), ('t', 'r', '-infinity'), ('u', 'r', now())`)
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o', 't')`)
	s, err := ops.Show(t.Context(), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, pauses := range [][]ops.Pause{d.look().Paused, s.Pauses} {
		if len(pauses) < 2 || pauses[0].TemplateID != "*" || pauses[0].NextProbe != nil || pauses[0].Waiting != 1 {
			t.Errorf("%+v", pauses)
		}
		for _, p := range pauses[1:] {
			if p.NextProbe == nil || p.NextProbe.After(time.Now().Add(time.Minute)) {
				t.Errorf("%+v", p)
			}
		}
	}
	if text, err := json.Marshal(d.look()); err != nil || strings.Count(string(text), "nextProbe") != 2 {
		t.Errorf("%s, %v", text, err)
	}
	if got := one[string](d, `SELECT what || ' ' || nextProbe || ' ' || lift FROM subMsgPaused WHERE templateId = '*'`); got != `全部模板 (every template) infinity DELETE FROM subMsgPause WHERE templateId = '*';` {
		t.Errorf("subMsgPaused: %s", got)
	}
	value, state, remark := d.fact("paused")
	if value != "3" || state != "warn" || strings.Contains(remark, "WeChat") || strings.Contains(remark, "微信") {
		t.Errorf("subMsgHealth: %s %s %s", value, state, remark)
	}
}

// Messages that were to be sent before a moment are called off, except those that were scheduled for later in the
// meantime.
func TestDueBefore(t *testing.T) {
	d := newDB(t)
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendAfter) SELECT 'o', 't', t::timestamptz FROM unnest('{-infinity,2026-07-26 02:59:59+08,2026-07-26 03:00+08,2030-01-01,infinity,2026-01-01}'::text[]) AS t`)
	s := ops.Selection{DueBefore: time.Date(2026, 7, 25, 19, 0, 0, 0, time.UTC)}
	ids := d.find(s)
	if len(ids) != 3 || ids[0] != 6 || ids[1] != 2 || ids[2] != 1 {
		t.Fatalf("found %v", ids)
	}
	d.exec(`UPDATE subMsgList SET sendAfter = '2030-01-01' WHERE id = 6`)
	r, err := ops.Cancel(t.Context(), d, s, ids, nil)
	left := ops.Left{ID: 6, Why: ops.Changed, Status: "wait"}
	if err != nil || r.Changed != 2 || len(r.Left) != 1 || r.Left[0] != left {
		t.Errorf("%+v, %v", r, err)
	}
}
