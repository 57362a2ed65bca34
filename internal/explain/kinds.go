package explain

// The kinds of what submsg itself found out, where WeChat gave no errcode. outbox writes those that come from the queue
// (parameters-broken and below) as texts of its own, because it may not import this package; a test of outbox compares.
const (
	KindTemplateMissing  Kind = "template-missing"  // there is no template of this id or name
	KindTemplateMismatch Kind = "template-mismatch" // the values don't fit the template
	KindTooLarge         Kind = "too-large"         // HTTP 413
	KindTooFrequent      Kind = "too-frequent"      // HTTP 429
	KindUnreachable      Kind = "unreachable"       // there was no connection to WeChat
	KindNotTaken         Kind = "not-taken"         // an HTTP status says that the request was not processed
	KindAddressWrong     Kind = "address-wrong"     // redirects, 404, 405, 407: there is no WeChat at this address
	KindTokenLate        Kind = "token-late"        // no access_token came in time
	KindTokenUnreachable Kind = "token-unreachable" // there was no connection to the token endpoint
	KindTokenUnusable    Kind = "token-unusable"    // the token endpoint answered nothing usable
	KindTokenRefused     Kind = "token-refused"     // WeChat refused a fresh access_token
	KindAnswerMissing    Kind = "answer-missing"    // the request may have arrived, and no complete answer came
	KindResendUncertain  Kind = "resend-uncertain"  // the acceptance was used up when the message was sent again
	KindStopping         Kind = "stopping"          // submsg is shutting down
	KindAccountChanged   Kind = "account-changed"   // the accounts were changed while it was on its way

	KindParametersBroken  Kind = "parameters-broken"  // parameterArr is no plain list of texts
	KindCrashed           Kind = "crashed"            // submsg stopped while it sent this message
	KindCrashedRepeatedly Kind = "crashed-repeatedly" // submsg stopped again and again at this message
	KindInternalError     Kind = "internal-error"     // the sender panicked
	KindTooLate           Kind = "too-late"           // its turn came after its deadline for sending
	KindExpired           Kind = "expired"            // expireTime passed
	KindDatabaseCopy      Kind = "database-copy"      // the database is a copy of another one
	KindEverythingRefused Kind = "everything-refused" // all messages of a template are refused alike
)

// Kinds says what each kind means.
var Kinds = map[Kind]Cause{
	KindTemplateMissing: {
		Text{"未知模板", "there is no template of this name or id"},
		Text{"请改正 templateId 或补上模板文件后重发", "correct templateId or add the template file, and send again"},
	},
	KindTemplateMismatch: {
		Text{"参数不符合模板要求", "a value does not fit the template"},
		Text{"请修改 parameterArr 后重发", "correct parameterArr and send again"},
	},
	KindTooLarge: {
		Text{"消息内容过大", "the message is too large"},
		Text{"请缩短后重发", "shorten it and send again"},
	},
	KindTooFrequent: {
		Text{"请求过于频繁", "too many requests"},
		Text{"submsg 会自动重试；仍失败时请稍后重发", "submsg tries again by itself; if it fails all the same, send again later"},
	},
	KindUnreachable: {
		Text{"连不上微信接口，消息未发出", "WeChat could not be reached, the message was not sent"},
		Text{
			"submsg 会自动重试；请检查网络与 SUBMSG_WECHAT_URL",
			"submsg tries again by itself; check the network and SUBMSG_WECHAT_URL",
		},
	},
	KindNotTaken: {
		Text{"请求未被微信受理", "the request did not come to WeChat"},
		Text{
			"submsg 会自动重试；请检查 SUBMSG_WECHAT_URL 与代理",
			"submsg tries again by itself; check SUBMSG_WECHAT_URL and the proxy",
		},
	},
	KindAddressWrong: {
		Text{
			"SUBMSG_WECHAT_URL 处没有微信接口，或代理不放行（跳转不会被跟随）",
			"there is no WeChat at SUBMSG_WECHAT_URL, or a proxy lets nothing through (redirects are not followed)",
		},
		Text{"请检查 SUBMSG_WECHAT_URL 与代理（HTTPS_PROXY）", "check SUBMSG_WECHAT_URL and the proxy (HTTPS_PROXY)"},
	},
	KindTokenLate: {
		Text{"在时限内没有取得 access_token，消息未发出", "no access token came in time, the message was not sent"},
		Text{
			"submsg 会自动重试；请检查网络与 SUBMSG_WECHAT_URL",
			"submsg tries again by itself; check the network and SUBMSG_WECHAT_URL",
		},
	},
	KindTokenUnreachable: {
		Text{"连不上微信的 access_token 接口", "WeChat's token endpoint could not be reached"},
		Text{
			"submsg 会自动重试；请检查网络与 SUBMSG_WECHAT_URL",
			"submsg tries again by itself; check the network and SUBMSG_WECHAT_URL",
		},
	},
	KindTokenUnusable: {
		Text{"微信的 access_token 接口没有给出可用的应答", "WeChat's token endpoint gave no usable answer"},
		Text{"submsg 会自动重试；请检查 SUBMSG_WECHAT_URL", "submsg tries again by itself; check SUBMSG_WECHAT_URL"},
	},
	KindTokenRefused: {
		Text{"access_token 被微信拒绝，重新获取后仍不可用", "WeChat refused the access token, and a renewal did not help"},
		Text{
			"submsg 稍后自动再试；请检查 AppID 与 SUBMSG_WECHAT_URL",
			"submsg tries again by itself; check the AppID and SUBMSG_WECHAT_URL",
		},
	},
	KindAnswerMissing: {
		Text{
			"请求可能已到达微信，但没有得到完整应答",
			"the request may have reached WeChat, but no complete answer came",
		},
		Text{
			"请向用户核实，未收到的改为 wait 重发，已收到的改为 success",
			"ask the user; set wait to send again, success if it came",
		},
	},
	KindResendUncertain: {
		Text{
			"重发时授权已用完，前一次可能已经送达",
			"the acceptance was used up when it was sent again: the first try may have arrived",
		},
		Text{"请向用户核实，已收到的改为 success", "ask the user; set success if it came"},
	},
	KindStopping: {
		Text{"submsg 正在停止，消息未发出", "submsg is stopping, the message was not sent"},
		Text{"submsg 重新启动后自动发送", "it is sent once submsg runs again"},
	},
	KindAccountChanged: {
		Text{"账号配置刚刚变更，消息未发出", "the accounts have just been changed, the message was not sent"},
		Text{"无需处理，submsg 会自动重试", "nothing: submsg tries it again by itself"},
	},
	KindParametersBroken: {
		Text{"parameterArr 不是普通的文本列表", "parameterArr is not a plain list of texts"},
		Text{"请改正后重发", "correct it and send again"},
	},
	KindCrashed: {
		Text{"发送中断，是否已送达未知", "submsg stopped while it sent"},
		Text{
			"请向用户核实，未收到的改为 wait 重发，已收到的改为 success",
			"ask the user; set wait to send again, success if it came",
		},
	},
	KindCrashedRepeatedly: {
		Text{
			"多次发送中断，可能正是这条消息使 submsg 崩溃",
			"submsg stopped again and again while it sent this message",
		},
		Text{"请联系 submsg 开发者，勿重发", "tell the developers of submsg; do not send again"},
	},
	KindInternalError: {
		Text{"submsg 内部错误，是否已发送未知", "an internal error of submsg; whether it was sent is unknown"},
		Text{"请查看日志，联系 submsg 开发者", "look into the log and tell the developers of submsg"},
	},
	KindTooLate: {
		Text{"轮到时已太晚，未发送", "its turn came too late, so it was not sent"},
		Text{"无需处理，submsg 会自动重试", "nothing: submsg tries it again by itself"},
	},
	KindExpired: {
		Text{"过期未发送", "its expireTime came before it could be sent"},
		Text{
			"仍要发送时，改 expireTime 并将 sendStatus 改为 wait",
			"to send all the same, set expireTime and sendStatus = 'wait'",
		},
	},
	KindEverythingRefused: {
		Text{
			"发给不同用户的消息接连以同一原因被拒，其余的暂停等待",
			"messages to one person after the other were refused for the same reason, so the others wait",
		},
		Text{
			"请先解决该原因，再删除此暂停；有消息发送成功时也会自动恢复",
			"remove that reason, then delete this pause; it also ends by itself when a message is accepted",
		},
	},
	KindDatabaseCopy: {
		Text{
			"本数据库是副本，或由备份恢复：其中等待的消息可能已经发出",
			"this database is a copy, or was restored from a backup: what waits in it may have been sent already",
		},
		Text{
			"请核对并取消不应再发的消息，然后删除此暂停",
			"call off what must not be sent again, then delete this pause",
		},
	},
}

// Unrecorded is the cause of a message of which nobody wrote down why it failed.
var Unrecorded = Cause{
	Text{"原因未记录", "no reason was written"},
	Text{"请按 sendStatusMsg 决定是否重发", "decide by what sendStatusMsg says"},
}
