package explain

import "time"

// Message is what is known of a message that somebody asks about. Texts in it were made fit for printing before.
type Message struct {
	ID         int64
	Status     string // sendStatus
	Now        time.Time
	SendAfter  time.Time
	ExpireTime *time.Time
	Attempts   int
	Stale      bool   // it is being sent, and its lease is over
	Cause      Cause  // why its last try failed, if it did
	Rule       string // the rule that holds it,
	HeldUntil  time.Time
	Pauses     []Pause // that keep it waiting
	Ahead      Count   // messages due before it
	Served     bool    // a submsg serve is connected to the database
	Unfit      string  // why it can't be rendered
	Refused    string  // why the database lets nobody write it
	Behind     bool    // it was taken, and waits for another one to the same person
	Unready    string  // why no submsg serve can send anything
	Trouble    string  // why none can take a message
	Unknown    string  // its template, which no submsg serve knows
}

// Pause is a pause as its message sees it.
type Pause struct {
	What    string // the template, or all of them
	Why     string
	Since   time.Time
	NextTry *time.Time // nil: it stays until a person lifts it
	Lift    string     // the statement that lifts it
}

// Next says when a paused template is tried again.
func (p Pause) Next(now time.Time, tongue Tongue) string {
	switch {
	case p.NextTry == nil:
		return Never.In(tongue)
	case p.NextTry.After(now):
		return Distance(*p.NextTry, now, tongue)
	}
	return Now.In(tongue)
}

// Why a message is as it is.
var (
	isSending   = Text{"正在发送", "it is being sent now"}
	isAccepted  = Text{"微信已接受", "WeChat accepted it"}
	isCalledOff = Text{"已取消", "it was called off"}
	isStale     = Text{
		"超过租约仍无结果：submsg serve 运行后会改为 unknown",
		"nobody has settled it within its lease: submsg serve makes it unknown when it runs",
	}
	isHeld      = Text{"规则 %s 保留它至 %s，期间该行仍可撤回", "rule %s holds it until %s; its row can still call it off"}
	isScheduled = Text{"定时发送：%s", "it is scheduled: %s"}
	isRetried   = Text{"已试 %d 次；下一次：%s", "tried %d times; the next try is %s"}
	isPutOff    = Text{"暂缓发送；下一次：%s", "it was put off; the next try is %s"}
	lastTry     = Text{"上一次：%s", "the last try: %s"}
	isPaused    = Text{"微信已停止 %s，自 %s：%s", "WeChat has stopped %s since %s: %s"}
	isHalted    = Text{"%s 已暂停，待人工解除，自 %s：%s", "%s is paused until a person lifts it, since %s: %s"}
	isUnserved  = Text{"已到时间，但没有 submsg serve 连接到本数据库", "it is due, and no submsg serve is connected to this database"}
	isQueued    = Text{"已到时间；前面还有 %s 条", "it is due; %s messages are before it"}
	isExpiring  = Text{
		"已过 expireTime：submsg serve 会改为 expired",
		"its expireTime is over: submsg serve makes it expired",
	}
	isRefused = Text{"数据库拒绝修改这一行：%s", "the database lets nobody write it: %s"}
	isBehind  = Text{
		"排在发给同一用户的另一条消息之后",
		"it waits for another message to the same person, who gets one at a time",
	}
	isUnready = Text{"所用账号现在不能发送：%s", "its account can send nothing now: %s"}
	isTrouble = Text{"submsg serve 现在不能领取消息：%s", "submsg serve can take no messages now: %s"}
	isUnknown = Text{
		"没有运行中的 submsg serve 认识模板 %s：约一分钟后将会失败",
		"no running submsg serve knows template %s: it will fail after about a minute",
	}
	isUnfit = Text{"将会失败：%s", "it will fail: %s"}
)

// What a person may do.
var (
	doNothing = Text{"无需处理", "nothing"}
	doLift    = Text{
		"试发成功后自动恢复，下一次试发 %s；立即恢复：%s",
		"it goes on by itself when a try succeeds, the next one %s; to go on now: %s",
	}
	doRelease = Text{"处理完毕后恢复：%s", "once that is settled: %s"}
	doServe   = Text{"启动 submsg serve", "start submsg serve"}
	doMend    = Text{
		"修正拒绝它的约束或触发器，一分钟内自动重试",
		"mend the constraint or trigger that refuses it; it is tried again within a minute",
	}
	doReady = Text{
		"解决后自动继续；submsg doctor 可检查",
		"it goes on by itself once that is mended; submsg doctor looks for it",
	}
	doTemplate = Text{
		"改正 templateId，或补上模板文件",
		"correct templateId, or add the template file",
	}
	doWait   = Text{"等待，或取消：submsg cancel --id %d", "wait, or call it off: submsg cancel --id %d"}
	doResend = Text{"如需重发：submsg retry --id %d", "to send it again: submsg retry --id %d"}
	doExtend = Text{"UPDATE subMsgList SET expireTime = NULL, sendStatus = 'wait' WHERE id = %d;",
		"UPDATE subMsgList SET expireTime = NULL, sendStatus = 'wait' WHERE id = %d;"}
	doCorrect = Text{"改正该行：UPDATE subMsgList SET parameterArr[…] = '…' WHERE id = %d;",
		"correct the row: UPDATE subMsgList SET parameterArr[…] = '…' WHERE id = %d;"}
)

// Explain says why the message is as it is, and what a person may do, a sentence each.
func (m Message) Explain(tongue Tongue) (why, next []string) {
	switch m.Status {
	case "wait":
		return m.waits(tongue)
	case "sending":
		if m.Stale {
			return []string{isStale.In(tongue)}, m.serve(tongue)
		}
		switch {
		case m.Refused != "":
			return []string{isRefused.In(tongue, m.Refused)}, []string{doMend.In(tongue)}
		case m.Behind:
			return []string{isBehind.In(tongue)}, []string{doNothing.In(tongue)}
		}
		return []string{isSending.In(tongue)}, []string{doNothing.In(tongue)}
	case "success":
		return []string{isAccepted.In(tongue)}, []string{doNothing.In(tongue)}
	case "cancel":
		return []string{isCalledOff.In(tongue)}, []string{doResend.In(tongue, m.ID)}
	}
	again := doResend
	if m.Status == "expired" {
		again = doExtend
	}
	return []string{m.Cause.Why.In(tongue)}, []string{m.Cause.NextStep.In(tongue), again.In(tongue, m.ID)}
}

// waits says why a waiting message has not been sent yet.
func (m Message) waits(tongue Tongue) (why, next []string) {
	add := func(reason string, steps ...string) {
		why, next = append(why, reason), append(next, steps...)
	}
	due := !m.SendAfter.After(m.Now)
	switch {
	case m.Rule != "":
		add(isHeld.In(tongue, m.Rule, Moment(m.HeldUntil, m.Now, tongue)))
	case !due && m.Attempts > 0:
		add(isRetried.In(tongue, m.Attempts, Moment(m.SendAfter, m.Now, tongue)))
	case !due && m.Cause != (Cause{}):
		add(isPutOff.In(tongue, Moment(m.SendAfter, m.Now, tongue)))
	case !due:
		add(isScheduled.In(tongue, Moment(m.SendAfter, m.Now, tongue)))
	case m.ExpireTime != nil && !m.ExpireTime.After(m.Now):
		add(isExpiring.In(tongue), m.serve(tongue)...)
	}
	for _, p := range m.Pauses {
		says, does := isPaused, doLift.In(tongue, p.Next(m.Now, tongue), p.Lift)
		if p.NextTry == nil {
			says, does = isHalted, doRelease.In(tongue, p.Lift)
		}
		add(says.In(tongue, p.What, Moment(p.Since, m.Now, tongue), p.Why), does)
	}
	if m.Refused != "" {
		add(isRefused.In(tongue, m.Refused), doMend.In(tongue))
	}
	switch {
	case due && !m.Served:
		add(isUnserved.In(tongue), doServe.In(tongue))
	case due && m.Trouble != "":
		add(isTrouble.In(tongue, m.Trouble), doReady.In(tongue))
	case due && m.Unready != "":
		add(isUnready.In(tongue, m.Unready), doReady.In(tongue))
	case due && m.Unknown != "":
		add(isUnknown.In(tongue, m.Unknown), doTemplate.In(tongue))
	case due && why == nil:
		add(isQueued.In(tongue, m.Ahead.In(tongue)))
	}
	if m.Cause != (Cause{}) {
		add(lastTry.In(tongue, m.Cause.Why.In(tongue)), m.Cause.NextStep.In(tongue))
	}
	if m.Unfit != "" {
		add(isUnfit.In(tongue, m.Unfit), doCorrect.In(tongue, m.ID))
	}
	return why, append(next, doWait.In(tongue, m.ID))
}

// serve is what helps where only submsg serve moves things on.
func (m Message) serve(tongue Tongue) []string {
	if m.Served {
		return nil
	}
	return []string{doServe.In(tongue)}
}
