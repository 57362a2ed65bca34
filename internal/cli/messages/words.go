package messages

import (
	"fmt"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/ops"
	"github.com/submsg/submsg/outbox"
)

// phrase is a sentence in each tongue, English first, with the same arguments.
type phrase [2]string

func (p phrase) in(tongue int, args ...any) string {
	if len(args) == 0 {
		return p[tongue]
	}
	return fmt.Sprintf(p[tongue], args...)
}

// say is a phrase that is needed once.
func say(tongue int, english, chinese string, args ...any) string {
	return phrase{english, chinese}.in(tongue, args...)
}

// factNames are those of subMsgHealth in Chinese.
var factNames = map[string]string{
	"waiting": "等待", "due": "已到时间", "oldest due": "最早到期", "sending": "发送中", "listeners": "监听唤醒", "notification queue": "通知队列",
	"paused": "暂停", "long transaction": "长事务", "dead rows": "死行", "triggers": "触发器", "rule": "规则",
}

// factName is a fact's name in the reader's tongue.
func factName(name string, tongue int) string {
	if chinese := factNames[name]; tongue != english && chinese != "" {
		return chinese
	}
	return name
}

var (
	saysSent      = phrase{"WeChat accepted it", "微信已接受"}
	saysCancelled = phrase{"it was called off", "已取消"}
	saysSending   = phrase{"it is being sent now", "正在发送"}
	saysStale     = phrase{"nobody has settled it within its lease: submsg serve makes it unknown when it runs", "超过租约仍无结果：submsg serve 运行后会改为 unknown"}
	saysHeld      = phrase{"rule %s holds it until %s; its row can still call it off", "规则 %s 保留它至 %s，期间该行仍可撤回"}
	saysLater     = phrase{"it is scheduled: %s", "定时发送：%s"}
	saysAgain     = phrase{"tried %d times; the next try is %s", "已试 %d 次；下一次：%s"}
	saysPaused    = phrase{"WeChat has stopped %s since %s: %s", "微信已停止 %s，自 %s：%s"}
	saysHalted    = phrase{"%s is paused until a person lifts it, since %s: %s", "%s 已暂停，待人工解除，自 %s：%s"}
	saysNobody    = phrase{"it is due, and no submsg serve is connected to this database", "已到时间，但没有 submsg serve 连接到本数据库"}
	saysQueued    = phrase{"it is due; %s messages are before it", "已到时间；前面还有 %s 条"}
	saysExpires   = phrase{"its expireTime is over: submsg serve makes it expired", "已过 expireTime：submsg serve 会改为 expired"}
	saysUnfit     = phrase{"it will fail: %s", "将会失败：%s"}

	agoWords  = phrase{"%s ago", "%s 前"}
	inWords   = phrase{"in %s", "%s 后"}
	nowWord   = phrase{"now", "现在"}
	neverWord = phrase{"never", "永不"}

	doesNothing = phrase{"nothing", "无需处理"}
	doesLift    = phrase{"it goes on by itself when a try succeeds, the next one %s; to go on now: %s", "试发成功后自动恢复，下一次试发 %s；立即恢复：%s"}
	doesRelease = phrase{"once that is settled: %s", "处理完毕后恢复：%s"}
	doesServe   = phrase{"start submsg serve", "启动 submsg serve"}
	doesWait    = phrase{"wait, or call it off: submsg cancel --id %d", "等待，或取消：submsg cancel --id %d"}
	doesResend  = phrase{"to send it again: submsg retry --id %d", "如需重发：submsg retry --id %d"}
	doesExtend  = phrase{"UPDATE subMsgList SET expireTime = NULL, sendStatus = 'wait' WHERE id = %d;", "UPDATE subMsgList SET expireTime = NULL, sendStatus = 'wait' WHERE id = %d;"}
	doesMend    = phrase{"correct the row: UPDATE subMsgList SET parameterArr[…] = '…' WHERE id = %d;", "改正该行：UPDATE subMsgList SET parameterArr[…] = '…' WHERE id = %d;"}
)

// reading says why a message is as it is, and what a person may do.
func reading(m told, tongue int) (why, next []string) {
	switch m.Status {
	case outbox.Succeeded:
		return []string{saysSent.in(tongue)}, []string{doesNothing.in(tongue)}
	case outbox.Cancelled:
		return []string{saysCancelled.in(tongue)}, []string{doesResend.in(tongue, m.ID)}
	case outbox.Sending:
		if m.Stale {
			return []string{saysStale.in(tongue)}, serves(m, tongue)
		}
		return []string{saysSending.in(tongue)}, []string{doesNothing.in(tongue)}
	case outbox.Waiting:
		return waits(m, tongue)
	}
	if m.Cause == nil {
		return nil, []string{doesResend.in(tongue, m.ID)}
	}
	cause, step := inTongue(*m.Cause, tongue)
	if m.Status == outbox.Expired {
		return []string{cause}, []string{step, doesExtend.in(tongue, m.ID)}
	}
	return []string{cause}, []string{step, doesResend.in(tongue, m.ID)}
}

// waits says why a waiting message has not been sent yet.
func waits(m told, tongue int) (why, next []string) {
	add := func(reason string, steps ...string) {
		why, next = append(why, reason), append(next, steps...)
	}
	due := !m.SendAfter.After(m.Now)
	switch {
	case m.Held != nil:
		add(saysHeld.in(tongue, terminal.Visible(m.Held.Rule), moment(m.Held.Due, m.Now, tongue)))
	case !due && m.Attempts > 0:
		add(saysAgain.in(tongue, m.Attempts, moment(m.SendAfter, m.Now, tongue)))
	case !due:
		add(saysLater.in(tongue, moment(m.SendAfter, m.Now, tongue)))
	case m.ExpireTime != nil && !m.ExpireTime.After(m.Now):
		add(saysExpires.in(tongue), serves(m, tongue)...)
	}
	for _, p := range m.Pauses {
		says, does := saysPaused, doesLift.in(tongue, nextTry(p, m.Now, tongue), p.Lift)
		if p.NextProbe == nil {
			says, does = saysHalted, doesRelease.in(tongue, p.Lift)
		}
		add(says.in(tongue, terminal.Visible(p.What), moment(p.Since, m.Now, tongue), terminal.Visible(pauseReason(p, tongue))), does)
	}
	if due && m.Listeners == 0 {
		add(saysNobody.in(tongue), doesServe.in(tongue))
	} else if due && why == nil {
		add(saysQueued.in(tongue, counted(m.Ahead, tongue)))
	}
	if m.Refused != "" {
		add(saysUnfit.in(tongue, terminal.Visible(m.Refused)), doesMend.in(tongue, m.ID))
	}
	return why, append(next, doesWait.in(tongue, m.ID))
}

// serves is what helps where only submsg serve moves things on.
func serves(m told, tongue int) []string {
	if m.Listeners > 0 {
		return nil
	}
	return []string{doesServe.in(tongue)}
}

// pauseReason is WeChat's reason in the reader's tongue, where it is known in that.
func pauseReason(p ops.Pause, tongue int) string {
	if tongue == english && p.English != "" {
		return fmt.Sprintf("%s (errcode %d)", p.English, *p.ErrCode)
	}
	return p.Why
}
