package messages

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/outbox"
)

// selectSettings say which messages. Flags that can be repeated, or hold a list with commas, mean any of these.
type selectSettings struct {
	ID       []int64  `name:"id" placeholder:"7,8" help:"These messages."`
	Template []string `placeholder:"NAME" help:"Of a template, by its name or WeChat's id."`
	OpenID   string   `name:"openid" placeholder:"OPENID" help:"To one user."`
	Status   []string `enum:"wait,sending,success,fail,unknown,cancel,expired" placeholder:"fail" help:"With this sendStatus: ${enum}."`
	ErrCode  []int32  `name:"errcode" placeholder:"43101" help:"With this errCode of WeChat."`
	Older    age      `placeholder:"2d" help:"Inserted so long ago, or earlier."`
	Newer    age      `placeholder:"1h" help:"Inserted within the last so long."`
	Due      instant  `name:"due-before" placeholder:"TIME" help:"To be sent before this moment: 2026-07-26T03:00:00+08:00, or '2026-07-26 03:00' by this machine's clock."`
	Limit    int      `placeholder:"N" help:"The newest so many."`
}

// selection checks the settings.
func (s selectSettings) selection() (ops.Selection, error) {
	if s.Limit < 0 {
		return ops.Selection{}, terminal.BadUsage("--limit is %d, it must be at least 1", s.Limit)
	}
	if s.Older > 0 && s.Newer > 0 && s.Older >= s.Newer {
		return ops.Selection{}, terminal.BadUsage("nothing was inserted both more than %s and less than %s ago",
			terminal.ShortDuration(time.Duration(s.Older)), terminal.ShortDuration(time.Duration(s.Newer)))
	}
	selected := ops.Selection{IDs: s.ID, Templates: s.Template, OpenID: s.OpenID, ErrCodes: s.ErrCode,
		Older: time.Duration(s.Older), Newer: time.Duration(s.Newer), DueBefore: time.Time(s.Due), Limit: s.Limit}
	for _, status := range s.Status {
		selected.Statuses = append(selected.Statuses, outbox.Status(status))
	}
	return selected, nil
}

// empty tells that nothing was said about which messages.
func (s selectSettings) empty() bool {
	return len(s.ID)+len(s.Template)+len(s.Status)+len(s.ErrCode) == 0 && s.OpenID == "" && s.Older == 0 &&
		s.Newer == 0 && time.Time(s.Due).IsZero()
}

// age is a duration that may be in days.
type age time.Duration

// UnmarshalText reads 90s, 30m, 1h30m or 7d.
func (a *age) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if number, ok := strings.CutSuffix(string(text), "d"); ok {
		var days uint64
		days, err = strconv.ParseUint(number, 10, 16)
		d = time.Duration(days) * 24 * time.Hour
	}
	if err != nil || d <= 0 {
		return fmt.Errorf("the age %q must be like 90s, 30m, 12h or 7d", text)
	}
	*a = age(d)
	return nil
}

// instant is a point in time.
type instant time.Time

// UnmarshalText reads RFC 3339, or a date with or without a time, which is local.
func (i *instant) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, string(text), time.Local); err == nil {
			*i = instant(t)
			return nil
		}
	}
	return fmt.Errorf("the time %q must be like 2026-07-26T03:00:00+08:00 or '2026-07-26 03:00'", text)
}
