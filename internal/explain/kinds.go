package explain

// What submsg itself found out about a message or a pause: the values of errKind.
const (
	TemplateMissing   Kind = "template-missing"   // no template has this id or name
	TemplateMismatch  Kind = "template-mismatch"  // the values don't fit the template
	ParametersBroken  Kind = "parameters-broken"  // parameterArr is no plain list of texts
	Unreachable       Kind = "unreachable"        // WeChat could not be reached, nothing was sent
	NotTaken          Kind = "not-taken"          // an HTTP status says that the request was not processed
	AddressWrong      Kind = "address-wrong"      // a redirect, or HTTP 404, 405 or 407
	TokenLate         Kind = "token-late"         // no access_token came in time
	TokenUnusable     Kind = "token-unusable"     // the token endpoint's answer holds no token
	TokenRefused      Kind = "token-refused"      // WeChat refuses a token that is fresh
	AnswerMissing     Kind = "answer-missing"     // the request may have arrived, its answer did not
	ResendUncertain   Kind = "resend-uncertain"   // the acceptance was used up when the message was sent again
	Crashed           Kind = "crashed"            // submsg stopped while it sent this message
	CrashedRepeatedly Kind = "crashed-repeatedly" // submsg stopped again at this message
	InternalError     Kind = "internal-error"     // the sender panicked
	TooLate           Kind = "too-late"           // its turn came after its deadline for sending
	Expired           Kind = "expired"            // expireTime passed
	Stopping          Kind = "stopping"           // submsg was shutting down
	DatabaseCopy      Kind = "database-copy"      // the database is a copy of another one
)

// Kinds explains each kind. What is tried again by itself says so, because a message whose tries are used up keeps the
// text of its last one.
var Kinds = map[Kind]Cause{
	TemplateMissing: {
		Text{"未知模板", "no template file of this name or id"},
		Text{"改正 templateId 或补上模板文件后重发", "correct templateId, or add the template file, and send again"}},
	TemplateMismatch: {
		Text{"参数不符合模板要求", "a value does not fit the template"},
		Text{"按 sendStatusMsg 修改 parameterArr 后重发", "correct parameterArr by what sendStatusMsg says, and send again"}},
	ParametersBroken: {
		Text{"parameterArr 不是普通的文本列表", "parameterArr is not a plain list of texts"},
		Text{"改正后重发", "correct it and send again"}},
	Unreachable: {
		Text{"连不上微信接口", "WeChat could not be reached"},
		Text{"将自动重试；仍失败时，检查网络与 SUBMSG_WECHAT_URL 后重发",
			"tried again by itself; if that fails too, check the network and SUBMSG_WECHAT_URL, and send again"}},
	NotTaken: {
		Text{"请求未被微信受理", "the request did not come to WeChat"},
		Text{"将自动重试；仍失败时，检查 SUBMSG_WECHAT_URL 与代理后重发",
			"tried again by itself; if that fails too, check SUBMSG_WECHAT_URL and the proxy, and send again"}},
	AddressWrong: {
		Text{"SUBMSG_WECHAT_URL 处没有微信接口，或请求被代理拒绝", "there is no WeChat at SUBMSG_WECHAT_URL, or a proxy refused the request"},
		Text{"检查 SUBMSG_WECHAT_URL 与 HTTPS_PROXY，改正后自动恢复", "correct SUBMSG_WECHAT_URL or HTTPS_PROXY; goes on by itself then"}},
	TokenLate: {
		Text{"在时限内没有取得 access_token，消息未发出", "no access token came in time, so the message was not sent"},
		Text{"将自动重试；仍失败时，检查网络后重发", "tried again by itself; if that fails too, check the network, and send again"}},
	TokenUnusable: {
		Text{"微信的 access_token 接口没有给出可用的应答", "WeChat's answer to a request for an access token could not be used"},
		Text{"将自动重试；仍失败时，检查 SUBMSG_WECHAT_URL", "tried again by itself; if that fails too, check SUBMSG_WECHAT_URL"}},
	TokenRefused: {
		Text{"微信拒绝了刚取得的 access_token", "WeChat refused an access token that it had just given"},
		Text{"检查 AppID 与 SUBMSG_WECHAT_URL，稍后自动再试", "check the AppID and SUBMSG_WECHAT_URL; tried again by itself later"}},
	AnswerMissing: {
		Text{"请求可能已到达微信，没有得到完整应答", "the request may have reached WeChat, its answer is missing"},
		Text{"向用户核实后，未收到的改为 wait 重发，已收到的改为 success", "ask the user; set wait to send again, success if it came"}},
	ResendUncertain: {
		Text{"重发时授权已用完，前一次可能已经送达", "the acceptance was used up when it was sent again: the first try may have arrived"},
		Text{"向用户核实后，已收到的改为 success", "ask the user; set success if it came"}},
	Crashed: {
		Text{"发送中断，是否已送达未知", "submsg stopped while it sent"},
		Text{"向用户核实后，未收到的改为 wait 重发，已收到的改为 success", "ask the user; set wait to send again, success if it came"}},
	CrashedRepeatedly: {
		Text{"多次发送中断，可能正是这条消息使 submsg 崩溃", "submsg stopped again and again while it sent this message"},
		Text{"联系 submsg 开发者，勿重发", "tell the developers of submsg; do not send again"}},
	InternalError: {
		Text{"submsg 内部错误，是否已发送未知", "an internal error of submsg; whether it was sent is unknown"},
		Text{"查看日志，联系 submsg 开发者", "look into the log and tell the developers of submsg"}},
	TooLate: {
		Text{"轮到时已太晚，未发送", "its turn came too late, so it was not sent"},
		Text{"无需处理，将自动重试", "nothing: it is tried again by itself"}},
	Expired: {
		Text{"过期未发送", "its expireTime came before it could be sent"},
		Text{"仍要发送时，改 expireTime 并将 sendStatus 改为 wait", "to send all the same, set expireTime and sendStatus = 'wait'"}},
	Stopping: {
		Text{"submsg 正在停止，消息未发出", "submsg was stopping, so the message was not sent"},
		Text{"无需处理，submsg 再次运行时发送", "nothing: it is sent when submsg runs again"}},
	DatabaseCopy: {
		Text{"本数据库是副本，或由备份恢复：其中等待的消息可能已经发出", "this database is a copy, or was restored from a backup: what waits in it may have been sent already"},
		Text{"核对并取消不应再发的消息，然后删除此暂停", "call off what must not be sent again, then delete this pause"}},
}

// UnknownCode is the cause of an errcode that nobody wrote down, Unrecorded that of a message whose reason nobody wrote.
// The view subMsgFailures holds the same sentences.
var (
	UnknownCode = Cause{
		Text{"微信返回了未收录的错误码 %d", "WeChat answered with an unknown errcode %d"},
		Text{"查阅微信文档中的错误码后再决定", "look the errcode up in WeChat's documents"}}
	Unrecorded = Text{"原因未记录", "no reason was written"}
)
