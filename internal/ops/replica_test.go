package ops_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/submsg/submsg/internal/ops"
)

// What the processes of submsg serve say is shown while they say it: of themselves, and of a message.
func TestWhatReplicasSay(t *testing.T) {
	d := newDB(t)
	say := func(host, accounts, ago string) {
		d.exec(`INSERT INTO subMsgReplica (replica, host, pid, accounts, trouble, inHand, ahead, behind, refused, reasons, seen)
			VALUES (gen_random_uuid(), $1, 7, $2, 'no right', 5, 2, '{2}', 1, '{"1": "no such thing"}', now() - $3::text::interval)`,
			host, accounts, ago)
	}
	d.exec(`INSERT INTO subMsgList (openid, templateId) SELECT 'o', 't' FROM generate_series(1, 3)`)
	memory := func(id int64) ops.Memory {
		s, err := ops.Show(t.Context(), d, id)
		if err != nil {
			t.Fatal(err)
		}
		return s.Memory
	}
	say("gone", `{"default": "no token"}`, "2 min")
	if got, s := memory(1), d.look(); got != (ops.Memory{}) || len(s.Serving) > 0 {
		t.Errorf("of a process that has gone: %+v, %+v", got, s.Serving)
	}
	say("a", `{"default": "no token"}`, "1 s")
	want := []ops.Serving{
		{Host: "a", PID: 7, Accounts: map[string]string{"default": "no token"}, Trouble: "no right", InHand: 5, Ahead: 2, Refused: 1}}
	if diff := cmp.Diff(want, d.look().Serving, cmpopts.IgnoreFields(ops.Serving{}, "Since", "Seen")); diff != "" {
		t.Error(diff)
	}
	for id, want := range map[int64]ops.Memory{
		1: {Unready: "no token", Trouble: "no right", Refused: "no such thing"},
		2: {Unready: "no token", Trouble: "no right", Behind: true},
		3: {Unready: "no token", Trouble: "no right"},
	} {
		if got := memory(id); got != want {
			t.Errorf("of message %d: %+v, want %+v", id, got, want)
		}
	}
	if m := memory(1); m.Fits || m.Unknown {
		t.Errorf("of processes that say nothing of their templates: %+v", m)
	}
	d.exec(`INSERT INTO subMsgReplicaTemplate SELECT 'u', replica, 0 FROM subMsgReplica WHERE host = 'a'`)
	if m := memory(1); m.Fits || !m.Unknown {
		t.Errorf("of a template that nobody knows: %+v", m)
	}
	d.exec(`INSERT INTO subMsgReplicaTemplate SELECT 't', replica, CASE host WHEN 'a' THEN 1 ELSE 0 END FROM subMsgReplica`)
	if m := memory(1); m.Fits || m.Unknown {
		t.Errorf("of a template that takes one parameter, and none in a process that has gone: %+v", m)
	}
	d.exec(`UPDATE subMsgReplicaTemplate SET paramCount = 0`)
	if m := memory(1); !m.Fits || m.Unknown {
		t.Errorf("of a template that it fits: %+v", m)
	}
	d.exec(`DELETE FROM subMsgReplicaTemplate`)
	say("b", `{"default": ""}`, "1 s")
	if got := memory(3); got.Unready != "" || got.Trouble != "no right" {
		t.Errorf("where one process can send: %+v", got)
	}
}
