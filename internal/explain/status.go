package explain

// Status is one value of sendStatus, for people.
type Status struct {
	Name    string // as it stands in the table subMsgList
	Means   Text
	MovesOn Text // who moves the message on, or may
}

// Statuses are all values of sendStatus, as README.md and README.zh-CN.md print them: a test compares.
var Statuses = []Status{
	{"wait",
		Text{"待发送，到 `sendAfter` 时发", "to be sent, at `sendAfter`"},
		Text{"由 submsg 发送；可改为 `cancel`", "submsg; you may set `cancel`"}},
	{"sending",
		Text{"请求可能正在路上", "a request may be on the wire now"},
		Text{"30 秒内由 submsg 写回结果，在此之前不能改", "submsg, within 30 s; until then it can't be changed"}},
	{"success",
		Text{"微信已接受", "WeChat accepted it"},
		Text{"改为 `wait` 会再发一次", "you may set `wait`: it is sent again"}},
	{"fail",
		Text{
			"微信拒绝，或参数不合模板；原因在 `sendStatusMsg`",
			"WeChat refused it, or its values don't fit; `sendStatusMsg` says why",
		},
		Text{"改正这一行，再设为 `wait`", "fix the row and set `wait`"}},
	{"unknown",
		Text{
			"发没发出去无人知道：发送途中连接断开或 submsg 退出",
			"sent or not, nobody knows: the connection or submsg died in mid-send",
		},
		Text{"由人决定，或按模板的 `onUnknown`", "you, or the template's `onUnknown`"}},
	{"cancel",
		Text{"已取消", "called off"},
		Text{"可改为 `wait`", "you may set `wait`"}},
	{"expired",
		Text{"没来得及发送就过了 `expireTime`", "its `expireTime` came before it could be sent"},
		Text{"设一个更晚的 `expireTime`，再设为 `wait`", "set `wait` with a later `expireTime`"}},
}
