package outbox

// The kinds of trouble that outbox itself finds, for Verdict.Kind and the column errKind. The words are those of
// package explain, which holds what a person is told about each. This package doesn't import explain, because it
// shall know Postgres only; a test compares the two.
const (
	kindParametersBroken  = "parameters-broken"  // parameterArr is no plain list of texts
	kindInternalError     = "internal-error"     // the Sender panicked
	kindTooLate           = "too-late"           // the message reached its sender too late to be sent within its lease
	kindCrashed           = "crashed"            // the process stopped in mid-send
	kindCrashedRepeatedly = "crashed-repeatedly" // it stopped at this message again and again
	kindExpired           = "expired"            // expireTime passed before the message was sent
	kindDatabaseCopy      = "database-copy"      // of a pause: the database is a copy of another one
	kindEverythingRefused = "everything-refused" // of a pause: all messages of the template are refused alike
)

// What a row says of each kind: why, and what a person can do, in the words of package explain; then details for those
// who read English.
const (
	textParametersBroken  = "parameterArr 不是普通的文本列表：请改正后重发 (it is nested, or holds a NULL)"
	textInternalError     = "submsg 内部错误，是否已发送未知：请查看日志，联系 submsg 开发者 (internal error in mid-send)"
	textTooLate           = "轮到时已太晚，未发送：无需处理，submsg 会自动重试 (not sent: its turn came too late)"
	textCrashed           = "发送中断，是否已送达未知：请向用户核实，未收到的改为 wait 重发，已收到的改为 success (the sender stopped in mid-send)"
	textCrashedRepeatedly = "多次发送中断，可能正是这条消息使 submsg 崩溃：请联系 submsg 开发者，勿重发 " +
		"(quarantined: the sender stopped in mid-send again)"
	textEverythingRefused = "发给不同用户的消息接连以同一原因被拒，其余的暂停等待：请先解决该原因，再删除此暂停；有消息发送成功时也会自动恢复"
	textExpired           = "过期未发送：仍要发送时，改 expireTime 并将 sendStatus 改为 wait (not sent before its expireTime)"
)
