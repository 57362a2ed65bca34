package wechat

import "time"

// beijing is where WeChat's days begin, and with them its daily quotas.
var beijing = time.FixedZone("Asia/Shanghai", 8*60*60)

const (
	// quotaGrace is left to clocks that don't agree: WeChat's, the database's and ours.
	quotaGrace = time.Minute
	// quotaAgain: who is told shortly after midnight that the quota is used up has a clock that is fast, or meets a
	// WeChat that counts late.
	quotaAgain = 10 * time.Minute
	quotaLate  = time.Hour
)

// untilQuotaReset is how long it is, at that time, until a daily quota that is used up is worth another try.
func untilQuotaReset(now time.Time) time.Duration {
	y, m, d := now.In(beijing).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, beijing)
	if now.Sub(today) < quotaLate {
		return quotaAgain
	}
	return today.AddDate(0, 0, 1).Sub(now) + quotaGrace
}
