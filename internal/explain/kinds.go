package explain

// The kinds of what submsg itself found out, where WeChat gave no errcode.
const (
	KindTemplateMissing  Kind = "template-missing"  // there is no template of this id or name
	KindTemplateMismatch Kind = "template-mismatch" // the values don't fit the template
	KindTooLarge         Kind = "too-large"         // HTTP 413
	KindTooFrequent      Kind = "too-frequent"      // HTTP 429
	KindUnreachable      Kind = "unreachable"       // there was no connection to WeChat
	KindNotTaken         Kind = "not-taken"         // an HTTP status says that the request was not processed
	KindAddressWrong     Kind = "address-wrong"     // redirects, 404, 405, 407: there is no WeChat at this address
	KindTokenLate        Kind = "token-late"        // no access_token came in time
	KindTokenUnusable    Kind = "token-unusable"    // the token endpoint answered nothing usable
	KindTokenRefused     Kind = "token-refused"     // WeChat refused a fresh access_token
	KindAnswerMissing    Kind = "answer-missing"    // the request may have arrived, and no complete answer came
	KindResendUncertain  Kind = "resend-uncertain"  // the acceptance was used up when the message was sent again
	KindStopping         Kind = "stopping"          // submsg is shutting down
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
			"请向用户核实：未收到的改为 wait 重发，已收到的改为 success",
			"ask the user; set wait to send again, success if it came",
		},
	},
	KindResendUncertain: {
		Text{
			"重发时授权已用完，前一次可能已经送达",
			"the acceptance was used up when it was sent again: the first try may have arrived",
		},
		Text{"请向用户核实：已收到的改为 success", "ask the user; set success if it came"},
	},
	KindStopping: {
		Text{"submsg 正在停止，消息未发出", "submsg is stopping, the message was not sent"},
		Text{"submsg 重新启动后自动发送", "it is sent once submsg runs again"},
	},
}
