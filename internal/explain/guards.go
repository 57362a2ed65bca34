package explain

// Refusal is what the guard of subMsgList (migrations/objects/guards.sql) says when it refuses a change: the Chinese
// sentence is the error's message, the English one its detail, and both advices together are its hint.
type Refusal struct{ Says, Advice Text }

// What the guard refuses. The trigger holds the same sentences, and a test compares them.
var (
	// BeingSent takes the message's id and the end of its lease.
	BeingSent = Refusal{
		Text{"消息 %d 正在发送，最迟至 %s；在此之前不能修改其 sendStatus",
			"message %d is being sent, until %s at the latest; its sendStatus can't be changed before"},
		Text{"稍后再看：结果会写入该行。", "Look again in a moment: the outcome will be in the row."}}
	// NoSuchChange takes the message's id and its status before and after.
	NoSuchChange = Refusal{
		Text{"消息 %d：不能手工将 sendStatus 从 %s 改为 %s", "message %d: sendStatus can't be changed from %s to %s by hand"},
		Text{"手工可改为：wait（重新发送），cancel（取消）；unknown 还可改为 success 或 fail。",
			"By hand: wait to send (again), cancel to call off; on unknown also success or fail."}}
	// PastExpiry takes the message's id and its expireTime.
	PastExpiry = Refusal{
		Text{"消息 %d：其 expireTime %s 已过，不能再等待发送", "message %d: its expireTime %s is over, so it can't wait to be sent"},
		Text{"同时将 expireTime 改为以后的时间或 NULL。", "Set expireTime too, to a later time or to NULL."}}
)
