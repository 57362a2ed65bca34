package explain

// facts are the names of the lines of subMsgHealth. The view's own names are English, because programs read them.
var facts = map[string]Text{
	"waiting":            {"等待", "waiting"},
	"due":                {"已到时间", "due"},
	"oldest due":         {"最早到期", "oldest due"},
	"sending":            {"发送中", "sending"},
	"listeners":          {"监听唤醒", "listeners"},
	"notification queue": {"通知队列", "notification queue"},
	"paused":             {"暂停", "paused"},
	"account":            {"账号", "account"},
	"long transaction":   {"长事务", "long transaction"},
	"dead rows":          {"死行", "dead rows"},
	"triggers":           {"触发器", "triggers"},
	"rule":               {"规则", "rule"},
}

// Fact is the name of a line of subMsgHealth in a tongue.
func Fact(name string, tongue Tongue) string {
	if text, known := facts[name]; known {
		return text.In(tongue)
	}
	return name
}
