package explain

// Refusal is what the guard of subMsgList (migrations/objects/guards.sql) says when it refuses a change: the Chinese
// sentence is the error's message, the English one its detail, and the advice in both tongues is its hint.
type Refusal struct{ Says, Advice Text }

// What the guard refuses. The trigger holds the same sentences, and a test compares them.
var (
	// BeingSent takes the message's id and the end of its lease.
	BeingSent = Refusal{
		Text{
			"消息 %d 正在发送，最迟到 %s 结束；在此之前不能修改它的 sendStatus",
			"message %d is being sent, until %s at the latest; its sendStatus can't be changed before",
		},
		Text{"请稍后再看：结果会写在这一行里。", "Look again in a moment: the outcome will be in the row."},
	}
	// NotByHand takes the message's id, and its status before and after.
	NotByHand = Refusal{
		Text{
			"消息 %d：sendStatus 不能由人工从 %s 改为 %s",
			"message %d: sendStatus can't be changed from %s to %s by hand",
		},
		Text{
			"人工可改为 wait（重新发送）或 cancel（取消）；unknown 还可改为 success 或 fail。",
			"By hand: wait to send (again), cancel to call off; on unknown also success or fail.",
		},
	}
	// PastExpireTime takes the message's id and its expireTime.
	PastExpireTime = Refusal{
		Text{
			"消息 %d：它的 expireTime %s 已过，不能再等待发送",
			"message %d: its expireTime %s is over, so it can't wait to be sent",
		},
		Text{"请同时把 expireTime 改为更晚的时间或 NULL。", "Set expireTime too, to a later time or to NULL."},
	}
)
