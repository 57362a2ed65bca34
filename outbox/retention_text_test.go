package outbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/outbox"
)

func TestRetentionText(t *testing.T) {
	t.Parallel()
	allBut := func(age time.Duration) outbox.Retention {
		return outbox.Retention{outbox.Succeeded: age, outbox.Failed: age, outbox.Cancelled: age, outbox.Expired: age}
	}
	mixed := allBut(30 * day)
	mixed[outbox.Failed], mixed[outbox.Uncertain] = 90*day, 365*day
	for _, tt := range []struct {
		text string
		want outbox.Retention
		err  string // a part of it
	}{
		{text: "", want: outbox.Retention{}},
		{text: "30d", want: allBut(30 * day)},
		{text: "1d", want: allBut(day)},
		{text: "36500d", want: allBut(36500 * day)},
		{text: "success=30d", want: outbox.Retention{outbox.Succeeded: 30 * day}},
		{text: "unknown=7d", want: outbox.Retention{outbox.Uncertain: 7 * day}},
		{text: "success=30d,fail=90d,expired=10d,cancel=11d", want: outbox.Retention{
			outbox.Succeeded: 30 * day, outbox.Failed: 90 * day, outbox.Expired: 10 * day, outbox.Cancelled: 11 * day}},
		{text: "30d,fail=90d,unknown=365d", want: mixed},
		{text: " unknown = 365d, fail=90d , 30d ", want: mixed},
		{text: "30", err: `the age "30"`},
		{text: "720h", err: `the age "720h"`},
		{text: "0d", err: `the age "0d"`},
		{text: "-1d", err: `the age "-1d"`},
		{text: "+1d", err: `the age "+1d"`},
		{text: "1.5d", err: `the age "1.5d"`},
		{text: "36501d", err: "1d to 36500d"},
		{text: "213504d", err: "1d to 36500d"}, // wraps round to four hours in 64 bits of nanoseconds
		{text: "99999999999999999999d", err: "1d to 36500d"},
		{text: "d", err: `the age "d"`},
		{text: " ", err: `the age ""`},
		{text: "30d,", err: `the age ""`},
		{text: "success=", err: `the age ""`},
		{text: "=30d", err: `"" is no outcome`},
		{text: "wait=30d", err: `"wait" is no outcome`},
		{text: "sending=30d", err: `"sending" is no outcome`},
		{text: "done=30d", err: `these are ["success" "fail" "cancel" "expired" "unknown"]`},
		{text: "fail=30d,fail=31d", err: "already"},
		{text: "30d,31d", err: "already"},
	} {
		var got outbox.Retention
		err := got.UnmarshalText([]byte(tt.text))
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: error %v, want one with %q", tt.text, err, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", tt.text, err, diff)
		}
	}
}

// What is read can be used, and no more is deleted than the text names.
func FuzzRetentionText(f *testing.F) {
	for _, seed := range []string{"", "30d", "success=30d,fail=90d", "30d,unknown=1d", "36500d", "213504d", "=1d",
		"fail=1d,fail=1d", "a\x00=1d", ",,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r outbox.Retention
		if r.UnmarshalText([]byte(text)) != nil {
			return
		}
		for status, age := range r {
			if age < day || age > 36500*day || age%day != 0 {
				t.Errorf("%q: %s is kept for %s", text, status, age)
			}
			if status == outbox.Uncertain && !strings.Contains(text, string(status)) ||
				status == outbox.Waiting || status == outbox.Sending {
				t.Errorf("%q deletes %s", text, status)
			}
		}
		if len(r) > 5 || text != "" && len(r) == 0 {
			t.Errorf("%q is %v", text, r)
		}
	})
}

// A Retention made by a program is checked as well.
func TestRetentionIsChecked(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	for _, tt := range []struct {
		retention outbox.Retention
		err       string
	}{
		{outbox.Retention{outbox.Succeeded: day - 1}, "a day at least"},
		{outbox.Retention{outbox.Waiting: 30 * day}, `"wait" is no outcome`},
		{outbox.Retention{outbox.Sending: 30 * day}, `"sending" is no outcome`},
		{outbox.Retention{outbox.Uncertain: day}, ""},
	} {
		cfg := config(d, new(channel))
		cfg.Retention = tt.retention
		_, err := outbox.New(cfg)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%v: error %v, want %q", tt.retention, err, tt.err)
		}
	}
}
