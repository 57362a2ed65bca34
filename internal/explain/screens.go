package explain

// Words are those that several commands share.
var Words = struct{ What, Why, ToDo, Comma, Semicolon, Or Text }{
	What:      Text{"事项", "what"},
	Why:       Text{"原因", "why"},
	ToDo:      Text{"如何处理", "what to do"},
	Comma:     Text{"，", ", "},
	Semicolon: Text{"；", "; "},
	Or:        Text{" 或 ", " or "},
}

// StatusWords are those of `submsg status`.
var StatusWords = struct {
	At, Waiting, Sending, PerMinute, Inserted           Text // the lines at the top,
	About, DueNow, NoneDue, Overdue                     Text // and what follows a number
	Absent, Local, For, Asleep, Polling, Awake, Serving Text // who serves
	Ahead, Process, Unready, Trouble, Refused           Text // what its processes say
	Attention, ByHand, ByTry, Failures, OfLast, None    Text // the tables' titles
	Since, NextTry, OfFirst                             Text // of pauses
	Messages, Status, ErrCode, Cause, Example           Text // of failures
}{
	At:        Text{"时间", "at"},
	Waiting:   Text{"等待", "waiting"},
	Sending:   Text{"发送中", "sending"},
	PerMinute: Text{"每分钟", "per minute"},
	Inserted:  Text{"写入 %.0f", "inserted %.0f"},

	About:   Text{"，约 %d", ", about %d"},
	DueNow:  Text{"；已到时间 %s，最早的已等 %s", "; due now %s, the first since %s"},
	NoneDue: Text{"；都未到时间，下一条在 %s 后", "; none due, the next in %s"},
	Overdue: Text{"；超过租约 %d", "; past their lease: %d"},

	Absent:  Text{"未连接", "not connected"},
	Local:   Text{"本机", "local"},
	For:     Text{" 已 %s", " for %s"},
	Asleep:  Text{"空闲，等待唤醒", "asleep until a wake"},
	Polling: Text{"收不到唤醒，靠轮询", "wakes don't arrive: it polls"},
	Awake:   Text{"工作中", "awake"},
	Serving: Text{"%d 个在监听，%s（%s）", "%d listening, %s (%s)"},

	Ahead:   Text{"；其中待发 %d", "; of these waiting for a sender: %d"},
	Process: Text{"进程 %s:%d", "process %s:%d"},
	Unready: Text{"账号 %s 不能发送：%s", "account %s can send nothing: %s"},
	Trouble: Text{"不能领取消息：%s", "it can take no messages: %s"},
	Refused: Text{
		"数据库拒绝修改 %d 条消息，submsg show 说明原因",
		"the database lets nobody write %d messages; submsg show tells why",
	},

	Attention: Text{"需要处理", "needs attention"},
	ByHand:    Text{"已暂停，待人工解除", "paused until a person lifts it"},
	ByTry:     Text{"被微信暂停，试发成功后自动恢复", "paused by WeChat; goes on by itself when a try succeeds"},
	Failures:  Text{"最近一小时的失败", "failures of the last hour"},
	OfLast:    Text{"（最近 %d 条消息中）", ", of the last %d messages"},
	None:      Text{"：无", ": none"},

	Since:   Text{"开始", "since"},
	NextTry: Text{"下次试发", "next try"},
	OfFirst: Text{"%d（只看前 %d 条）", "%d of the first %d"},

	Messages: Text{"条数", "messages"},
	Status:   Text{"状态", "status"},
	ErrCode:  Text{"错误码", "errcode"},
	Cause:    Text{"原因", "cause"},
	Example:  Text{"例如", "for example"},
}

// ShowWords are those of `submsg show`.
var ShowWords = struct {
	Title, To, Template, Payload, When, Trace, Outcome, Rules, OfTemplate, NotPlain, NotHere, None, Page Text
	Inserted, NotBefore, NeverAfter, Tries, Known, Changed, Lease                                        Text // times
}{
	Title:      Text{"消息 %d：%s", "message %d: %s"},
	To:         Text{"收件人", "to"},
	Template:   Text{"模板", "template"},
	Payload:    Text{"内容", "payload"},
	When:       Text{"时间", "when"},
	Trace:      Text{"链路", "trace"},
	Outcome:    Text{"结果", "outcome"},
	Rules:      Text{"规则", "rules"},
	OfTemplate: Text{"用此模板的：%s", "of this template: %s"},
	NotPlain:   Text{"不是普通的文本列表：%s", "no plain list of texts: %s"},
	NotHere: Text{
		"本机的模板文件中没有 %s：设置 SUBMSG_TEMPLATES 后可见内容",
		"template %s isn't in the files here: set SUBMSG_TEMPLATES to see what it would say",
	},
	None: Text{"无：%s", "none: %s"},
	Page: Text{"页面 %s", "page %s"},

	Inserted:   Text{"写入", "inserted"},
	NotBefore:  Text{"不早于", "not before"},
	NeverAfter: Text{"不晚于", "never after"},
	Tries:      Text{"已试 %d 次", "tries %d"},
	Known:      Text{"得知结果", "outcome known"},
	Changed:    Text{"最后修改", "last changed"},
	Lease:      Text{"租约至", "lease until"},
}

// ListWords are those of `submsg list`.
var ListWords = struct{ Inserted, None Text }{
	Inserted: Text{"写入时间", "inserted"},
	None:     Text{"没有这样的消息", "no such messages"},
}

// ChangeWords are those of `submsg retry` and `submsg cancel`.
var ChangeWords = struct {
	AskRetry, Retried, AskCancel, Cancelled           Text
	Unchanged, None, WrongIDs, Found, Newest, Reached Text
	WhyLeft, Locked, Changed, Gone, Late, Refused     Text // why a message was left as it is, and what to do then
}{
	AskRetry:  Text{"重新发送这些消息吗？", "Send them again?"},
	Retried:   Text{"已改为 wait：%d 条", "messages set to wait: %d"},
	AskCancel: Text{"取消这些消息吗？", "Call them off?"},
	Cancelled: Text{"已取消：%d 条", "messages called off: %d"},

	Unchanged: Text{"没有任何改动", "nothing was changed"},
	None:      Text{"没有状态为 %s 的此类消息", "no such messages that are %s"},
	WrongIDs:  Text{"没有对应消息或状态不是 %s 的 id：%d 个", "ids of no message, or of one that isn't %s: %d"},
	Found:     Text{"找到 %d 条消息（%s）", "messages found: %d (%s)"},
	Newest:    Text{"；最新的 %d 条：", "; the newest %d:"},
	Reached: Text{
		"其中用户已收到或可能已收到的：%d 条",
		"of these, so many have reached their users already, or may have: %d",
	},

	WhyLeft: Text{"未改动的原因", "why it was left as it is"},
	Locked: Text{
		"有人正在修改它：待其事务结束后再试",
		"somebody is editing it: try again when their transaction has ended",
	},
	Changed: Text{"期间已被修改", "it was changed meanwhile"},
	Gone:    Text{"期间已被删除", "it was deleted meanwhile"},
	Late: Text{
		"已过 expireTime：先将 expireTime 改为以后的时间或 NULL",
		"its expireTime is over: set expireTime to a later time or NULL first",
	},
	Refused: Text{"数据库拒绝", "the database refuses"},
}

// DemoWords are those of `submsg demo`.
var DemoWords = struct{ Starting, Running, Done, Yours Text }{
	Starting: Text{"正在启动私有 Postgres …", "Starting a private Postgres …"},
	Running: Text{
		"Postgres、模拟微信 %[1]s 与 submsg 均已运行。",
		"Postgres, a fake WeChat at %[1]s and submsg are running.",
	},
	Done: Text{
		"\n一切如上所述：微信收到 %[1]d 条消息，每条仅一次。",
		"\nEverything came out as told: WeChat has %[1]d messages, each once.",
	},
	Yours: Text{
		"\n现在由你操作，按 Ctrl-C 结束。用任意 SQL 客户端，或:" + tryIt,
		"\nNow it is yours, until Ctrl-C. In any SQL client, or:" + tryIt,
	},
}

const tryIt = `

  psql '%[1]s'

  INSERT INTO subMsgList (openid, templateId, parameterArr)
  VALUES ('%[2]s', 'orderStatus', '{生椰拿铁,19.9,已发货,谢谢}');
`
