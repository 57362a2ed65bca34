package explain

// facts are the names of the lines of subMsgHealth in Chinese. The view's own names are English, because programs
// read them.
var facts = map[string]string{
	"waiting": "等待", "due": "已到时间", "oldest due": "最早到期", "sending": "发送中", "listeners": "监听唤醒",
	"notification queue": "通知队列", "paused": "暂停", "long transaction": "长事务", "dead rows": "死行",
	"triggers": "触发器", "rule": "规则",
}

// Fact is the name of a line of subMsgHealth in a tongue.
func Fact(name string, tongue Tongue) string {
	if chinese := facts[name]; tongue == Chinese && chinese != "" {
		return chinese
	}
	return name
}
