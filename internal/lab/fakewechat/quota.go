package fakewechat

import (
	"fmt"
	"sync"
	"time"
)

// Unlimited is a limit that nothing reaches.
const Unlimited = -1

// clearsAMonth is how often clear_quota works.
const clearsAMonth = 10

// beijing is where WeChat's days and months begin and end.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

// day counts days in Beijing.
func day(t time.Time) int64 {
	_, offset := t.In(beijing).Zone()
	return (t.Unix() + int64(offset)) / (24 * 60 * 60)
}

type quota struct {
	mu      sync.Mutex
	now     func() time.Time
	paths   map[string]*counter
	month   string
	cleared int // in that month
}

// counter counts the calls of one path that were let through.
type counter struct {
	daily, perMinute int // limits
	used, inMinute   int
	day, minute      int64
}

func (q *quota) init(now func() time.Time, daily, perMinute int) {
	if daily == 0 {
		daily = 30_000_000
	}
	if perMinute == 0 {
		perMinute = Unlimited
	}
	q.now = now
	q.paths = map[string]*counter{
		SendPath:        {daily: daily, perMinute: perMinute},
		TokenPath:       {daily: 2_000, perMinute: Unlimited},
		StableTokenPath: {daily: 500_000, perMinute: 10_000},
		GetTemplatePath: {daily: 1_000, perMinute: Unlimited},
	}
}

// roll begins a new day or minute. q.mu is held.
func (q *quota) roll(c *counter) {
	now := q.now()
	if d := day(now); d != c.day {
		c.day, c.used = d, 0
	}
	if m := now.Unix() / 60; m != c.minute {
		c.minute, c.inMinute = m, 0
	}
}

// take counts one call, or refuses it.
func (q *quota) take(path string) *refusal {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.paths[path]
	q.roll(c)
	switch {
	case c.daily != Unlimited && c.used >= c.daily:
		return refuse(45009)
	case c.perMinute != Unlimited && c.inMinute >= c.perMinute:
		return refuse(45011)
	}
	c.used++
	c.inMinute++
	return nil
}

// clear empties every daily count.
func (q *quota) clear() *refusal {
	q.mu.Lock()
	defer q.mu.Unlock()
	if m := q.now().In(beijing).Format("2006-01"); m != q.month {
		q.month, q.cleared = m, 0
	}
	if q.cleared >= clearsAMonth {
		return refuse(48006)
	}
	q.cleared++
	for _, c := range q.paths {
		c.used = 0
	}
	return nil
}

// SetQuota changes the limits of a path, counted from the beginning of the day and the minute.
// Unlimited lifts one; 0 lets nothing through.
func (s *Server) SetQuota(path string, daily, perMinute int) error {
	q := &s.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.paths[path]
	if c == nil {
		return fmt.Errorf("no quota is kept for path %q", path)
	}
	if daily < Unlimited || perMinute < Unlimited {
		return fmt.Errorf("a limit must be -1 (none), 0 or more, not %d a day and %d a minute", daily, perMinute)
	}
	c.daily, c.perMinute = daily, perMinute
	return nil
}

type quotaOK struct {
	status
	Quota struct {
		Daily  int `json:"daily_limit"`
		Used   int `json:"used"`
		Remain int `json:"remain"`
	} `json:"quota"`
	Rate struct {
		Calls   int `json:"call_count"`
		Seconds int `json:"refresh_second"`
	} `json:"rate_limit"`
}

func (s *Server) quotaGet(q *request) (any, *refusal) {
	if no := s.tokens.check(q.query); no != nil {
		return nil, no
	}
	if no := q.hasJSON(); no != nil {
		return nil, no
	}
	path, _ := q.json.text("cgi_path")
	return s.quota.get(path)
}

func (q *quota) get(path string) (any, *refusal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.paths[path]
	if c == nil {
		return nil, refuse(76021)
	}
	q.roll(c)
	ok := quotaOK{status: fine}
	ok.Quota.Daily, ok.Quota.Used, ok.Quota.Remain = c.daily, c.used, max(0, c.daily-c.used)
	if c.perMinute != Unlimited {
		ok.Rate.Calls, ok.Rate.Seconds = c.perMinute, 60
	}
	return ok, nil
}

func (s *Server) clearQuota(q *request) (any, *refusal) {
	if no := s.tokens.check(q.query); no != nil {
		return nil, no
	}
	if no := q.hasJSON(); no != nil {
		return nil, no
	}
	if appid, _ := q.json.text("appid"); appid != s.o.AppID {
		return nil, refuse(40013)
	}
	if no := s.quota.clear(); no != nil {
		return nil, no
	}
	return fine, nil
}
