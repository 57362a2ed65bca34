package explain

// Status is one value of sendStatus, for people.
type Status struct {
	Name    string // as it stands in the table
	Means   Text
	MovesOn Text // who may change it, and how
}

// Statuses are all values of sendStatus, in the order in which a message may come to them.
var Statuses = []Status{
	{"wait", Text{"等待发送，不早于 sendAfter", "to be sent, not before sendAfter"},
		Text{"由 submsg 发送；可改为 cancel 取消", "submsg sends it; a person may set cancel"}},
	{"sending", Text{"正在发送", "it is being sent now"},
		Text{"由 submsg 在租约到期前写入结果", "submsg writes the outcome before the lease is over"}},
	{"success", Text{"微信已接受", "WeChat accepted it"},
		Text{"可改为 wait 再发一次", "a person may set wait: it is sent once more"}},
	{"fail",
		Text{"微信拒绝，或无法生成内容；原因见 sendStatusMsg", "WeChat refused it, or it can't be rendered; sendStatusMsg says why"},
		Text{"改正该行后改为 wait 重发", "a person corrects the row and sets wait"}},
	{"unknown", Text{"是否送达未知", "nobody knows whether it was sent"},
		Text{"核实后改为 wait、success、fail 或 cancel；或按模板的 onUnknown 处理",
			"a person finds out and sets wait, success, fail or cancel; or the template's onUnknown decides"}},
	{"cancel", Text{"已取消", "it was called off"},
		Text{"可改为 wait 重新发送", "a person may set wait"}},
	{"expired", Text{"expireTime 之前未能发送", "expireTime passed before it could be sent"},
		Text{"可改 expireTime 并改为 wait", "a person may set wait with a new expireTime"}},
}

// StatusOf returns the words for a value of sendStatus; for one that there isn't, none.
func StatusOf(name string) Status {
	for _, s := range Statuses {
		if s.Name == name {
			return s
		}
	}
	return Status{Name: name}
}
