package roles_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// A login lacks nothing as a member of the worker's role, exactly what is taken from that, and nearly all as nobody's
// member.
func TestLacking(t *testing.T) {
	d := newDB(t)
	lacking := func(role string) []string {
		t.Helper()
		got, err := d.names.Lacking(t.Context(), pgtest.Connect(t, d.login(role)))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := lacking("worker"); len(got) > 0 {
		t.Errorf("the worker lacks %q", got)
	}
	if got := lacking("app"); len(got) < 20 || !slices.Contains(got, "SELECT (openid) ON public.subMsgList") ||
		slices.Contains(got, "SELECT (id) ON public.subMsgList") {
		t.Errorf("an application lacks %q", got)
	}
	d.exec(`REVOKE SELECT (openid), UPDATE (sendStatus) ON subMsgList FROM @worker; REVOKE UPDATE ON SEQUENCE subMsgWake FROM @worker;
		REVOKE EXECUTE ON FUNCTION subMsg_forget FROM @worker; REVOKE DELETE ON subMsgPause FROM @worker; REVOKE SELECT ON SEQUENCE subMsgWake FROM PUBLIC`)
	conn := pgtest.Connect(t, d.url)
	if _, err := conn.Exec(t.Context(), `SET ROLE `+d.role("worker")); err != nil {
		t.Fatal(err)
	}
	got, err := d.names.Lacking(t.Context(), conn)
	want := []string{"SELECT ON public.subMsgWake", "SELECT (openid) ON public.subMsgList",
		"UPDATE (sendstatus) ON public.subMsgList", "DELETE ON public.subMsgPause",
		"UPDATE ON public.subMsgWake", "EXECUTE ON public.subMsg_forget"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
