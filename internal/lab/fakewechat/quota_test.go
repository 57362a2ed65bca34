package fakewechat

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (f *fake) quotaOf(path string) result {
	f.t.Helper()
	return f.call(http.MethodPost, QuotaGetPath+"?access_token="+f.stable(false).Token,
		marshal(map[string]string{"cgi_path": path}))
}

func (f *fake) clear(appid string) int {
	f.t.Helper()
	return f.call(http.MethodPost, ClearQuotaPath+"?access_token="+f.stable(false).Token,
		marshal(map[string]string{"appid": appid})).ErrCode
}

func TestMinuteQuota(t *testing.T) {
	f := newFake(t, Options{GrantAll: true, MinuteQuota: 2})
	var got []int
	for range 3 {
		got = append(got, f.send(order()).ErrCode)
	}
	f.clock.advance(time.Minute)
	got = append(got, f.send(order()).ErrCode)
	if d := cmp.Diff([]int{0, 0, 45011, 0}, got); d != "" {
		t.Error(d)
	}
}

func TestDailyQuota(t *testing.T) {
	f := newFake(t, Options{GrantAll: true, DailyQuota: 2, MinuteQuota: 9})
	var got []int
	send := func() { got = append(got, f.send(order()).ErrCode) }
	send()
	f.send(with(order(), "page", ":")) // a refused call counts
	send()
	q := f.quotaOf(SendPath)
	if q.Quota.Daily != 2 || q.Quota.Used != 2 || q.Quota.Remain != 0 || q.Rate.Calls != 9 || q.Rate.Seconds != 60 {
		t.Errorf("quota/get: %+v", q)
	}
	f.clock.advance(12*time.Hour - time.Second) // from noon to just before midnight in Beijing
	send()
	f.clock.advance(time.Second)
	send()
	if d := cmp.Diff([]int{0, 45009, 45009, 0}, got); d != "" {
		t.Error(d)
	}
}

func TestClearQuota(t *testing.T) {
	f := newFake(t, Options{GrantAll: true, DailyQuota: 1})
	if code := f.clear("wx-other"); code != 40013 {
		t.Errorf("another appid: %d", code)
	}
	for range clearsAMonth {
		id(t, f.send(order()))
		if r := f.send(order()); r.ErrCode != 45009 {
			t.Fatalf("over the quota: %d", r.ErrCode)
		}
		if code := f.clear(DefaultAppID); code != 0 {
			t.Fatalf("clear_quota: %d", code)
		}
	}
	if code := f.clear(DefaultAppID); code != 48006 {
		t.Errorf("the 11th clear_quota of a month: %d", code)
	}
	f.clock.advance(17 * 24 * time.Hour)
	if code := f.clear(DefaultAppID); code != 0 {
		t.Errorf("clear_quota of the next month: %d", code)
	}
}

func TestQuotaGetRefuses(t *testing.T) {
	f := newFake(t, Options{})
	if r := f.quotaOf("/cgi-bin/nothing"); r.ErrCode != 76021 {
		t.Errorf("unknown cgi_path: %d", r.ErrCode)
	}
	if r := f.call(http.MethodPost, QuotaGetPath, "{}"); r.ErrCode != 41001 {
		t.Errorf("no token: %d", r.ErrCode)
	}
	if r := f.call(http.MethodPost, ClearQuotaPath, "{}"); r.ErrCode != 41001 {
		t.Errorf("no token: %d", r.ErrCode)
	}
}

func TestTokenQuota(t *testing.T) {
	f := newFake(t, Options{})
	for range 2000 {
		f.classic()
	}
	if r := f.classic(); r.ErrCode != 45009 {
		t.Errorf("the 2001st call of the day: %d", r.ErrCode)
	}
}
