package wechat

import (
	"time"

	"github.com/submsg/submsg/outbox"
)

// scope is what an errcode or a status is about: how far it reaches.
type scope uint8

const (
	message scope = iota
	user
	template
	account
	token // healed inside the send; the account, if that fails
)

// rule is the judgement of one errcode or HTTP status.
type rule struct {
	scope   scope
	outcome outbox.Outcome
	text    string        // what happened and what to do, for administrators
	after   time.Duration // with Later; 0 leaves it to the backoff
}

// strangeTries is how often a message is tried that meets a code which nobody knows: some ten seconds in all.
const strangeTries = 5

const (
	refused = outbox.Refused
	later   = outbox.Later
	halt    = outbox.Halt
	unknown = outbox.Unknown
)

// rules is every errcode that subscribe/send or stable_token is known to answer, each one certainly not sent.
// An errcode that is missing here is strange.
var rules = map[int32]rule{
	-1:     {account, later, "微信系统繁忙，将自动重试", 0},
	20001:  {account, later, "微信系统错误，将自动重试", 0},
	200001: {account, later, "微信系统错误，将自动重试", 0},
	20002:  {message, refused, "请求参数错误：请检查各参数后重发", 0},
	200002: {message, refused, "请求参数错误：请检查各参数后重发", 0},

	40001: {token, halt, "access_token 无效或不是最新，刷新后仍被拒绝：请检查是否有其他程序强制刷新了同一小程序的 token", 0},
	40014: {token, halt, "access_token 不合法，刷新后仍被拒绝：请检查 AppID、AppSecret 与微信接口地址是否属于同一小程序", 0},
	42001: {token, halt, "access_token 已过期，刷新后仍被拒绝：请检查微信接口地址与本机时钟", 0},
	41001: {token, halt, "缺少 access_token：请检查中间代理是否去掉了网址中的参数", 0},

	40002: {account, halt, "grant_type 不正确：请检查微信接口地址，或升级 submsg", 0},
	40013: {account, halt, "AppID 不正确：请检查 SUBMSG_WECHAT_APPID", 0},
	40125: {account, halt, "AppSecret 不正确：请在微信公众平台核对或重置，并更新 SUBMSG_WECHAT_SECRET", 0},
	41002: {account, halt, "缺少 AppID：请检查 SUBMSG_WECHAT_APPID", 0},
	41004: {account, halt, "缺少 AppSecret：请检查 SUBMSG_WECHAT_SECRET", 0},
	43002: {account, halt, "接口必须用 POST 调用：请检查中间代理是否改写了请求", 0},
	40243: {account, halt, "AppSecret 已被冻结：请在微信公众平台解冻", 0},
	50004: {account, halt, "小程序被禁止获取 access_token：请在微信公众平台查看处罚与申诉", 0},
	50007: {account, halt, "小程序账号已被冻结：请在微信公众平台处理", 0},
	40164: {account, halt, "本机 IP 不在白名单：请在微信公众平台的 IP 白名单中加入下面的地址，约 10 分钟后生效", 0},
	89501: {account, halt, "本机 IP 正等待管理员确认：请管理员在微信中确认", 0},
	89503: {account, halt, "本机 IP 调用需要管理员确认：请管理员在微信中确认", 0},
	89506: {account, halt, "管理员拒绝了本机 IP，24 小时内不能再申请：请联系管理员", 0},
	89507: {account, halt, "管理员拒绝了本机 IP，1 小时内不能再申请：请联系管理员", 0},

	40003: {user, refused, "openid 无效：请确认它属于本小程序", 0},
	43101: {user, refused, "用户未授权或授权次数已用完：请引导用户再次订阅", 0},
	43108: {user, halt, "同一用户正有另一条消息在发送，稍后自动重试", time.Second}, // by another replica: the message is not at fault
	43117: {user, later, "给该用户发送过于频繁，稍后自动重试", 10 * time.Minute},
	43004: {user, refused, "用户未关注，不能接收", 0},
	48002: {user, refused, "用户关闭了接收消息", 0},
	50002: {user, refused, "用户受限，可能已注销或被封禁", 0},

	40037: {template, halt, "模板 ID 无效：请在微信公众平台确认该模板存在、属于本小程序且为订阅消息", 0},
	43102: {template, halt, "该模板不是订阅消息模板：请换用订阅消息模板", 0},
	43116: {template, halt, "该模板已被封禁：请在微信公众平台查看，或换用其他模板", 0},

	43104: {account, halt, "小程序没有订阅消息的权限：请在微信公众平台开通", 0},
	43106: {account, halt, "小程序因违规被限制发送：请在微信公众平台查看处罚与申诉", 0},
	43107: {account, halt, "订阅消息能力被封禁：请在微信公众平台查看处罚与申诉", 0},
	45009: {account, halt, "今日接口调用次数已达上限：等到次日，或在微信公众平台清零次数后自动恢复", 0},
	45011: {account, halt, "每分钟调用次数已达上限：稍后自动恢复", 0},
	45102: {account, halt, "接口被平台暂时停用：恢复后自动继续", 0},
	45501: {account, halt, "接口被平台暂时停用：恢复后自动继续", 0},
	45109: {account, halt, "微信已停止支持该接口：请升级 submsg", 0},
	48001: {account, halt, "小程序没有此接口的权限：请在微信公众平台确认接口权限", 0},
	48008: {account, halt, "小程序没有发送该类消息的权限：请在微信公众平台确认", 0},
	48004: {account, halt, "接口被封禁：请在微信公众平台查看处罚与申诉", 0},
	48006: {account, halt, "本月清零次数已用完：等到次日自动恢复", 0},

	41030: {message, refused, "页面路径不正确：请确认该页面在已发布的小程序中存在", 0},
	47003: {message, refused, "参数不符合模板要求：请修改后重发", 0},
	45168: {message, refused, "内容含有敏感词：请修改后重发", 0},
	40249: {message, refused, "内容违规被拦截：请修改后重发", 0},
	45012: {message, refused, "消息内容过大：请缩短后重发", 0},
	45013: {message, refused, "消息内容过大：请缩短后重发", 0},
	45014: {message, refused, "消息内容过大：请缩短后重发", 0},
	44002: {message, refused, "微信说请求内容为空：请联系 submsg 开发者", 0},
	47001: {message, refused, "微信说请求不是正确的 JSON：请检查参数中的特殊字符", 0},
	47002: {message, refused, "微信说请求格式错误：请检查参数中的特殊字符", 0},
	40033: {message, refused, "参数中含有微信不接受的字符：请修改后重发", 0},
}

// strange is an errcode that nobody wrote down: a few more tries, strangeTries in all.
var strange = rule{message, later, "微信返回了未收录的错误码，将再试几次", 0}

// strangeToken is such an errcode at stable_token.
var strangeToken = rule{account, halt, "获取 access_token 时微信返回了未收录的错误码：请查阅微信文档", 0}

// tokenRules are errcodes that mean something else at stable_token.
var tokenRules = map[int32]rule{
	40001: {account, halt, "AppSecret 不正确：请在微信公众平台核对或重置，并更新 SUBMSG_WECHAT_SECRET", 0},
	45009: {account, halt, "今日获取 access_token 的次数已达上限：等到次日，或在微信公众平台清零次数后自动恢复", 0},
	45011: {account, halt, "获取 access_token 过于频繁：稍后自动恢复", 0},
}

// statuses are HTTP statuses without an errcode that say: not processed. Whatever stands between here and
// WeChat may answer so, and it can take offence at one message, so that most only look like everybody's trouble.
// All others (302 and 303 follow on work done; 5xx says that it went wrong half-way) leave it unknown.
var statuses = map[int]rule{
	301: {account, halt, "微信接口地址已迁移（跳转不会被跟随）：请检查 SUBMSG_WECHAT_URL", 0},
	307: {account, halt, "微信接口地址跳转到别处（跳转不会被跟随）：请检查 SUBMSG_WECHAT_URL 与代理", 0},
	308: {account, halt, "微信接口地址已迁移（跳转不会被跟随）：请检查 SUBMSG_WECHAT_URL", 0},
	404: {account, halt, "该地址没有微信接口：请检查 SUBMSG_WECHAT_URL", 0},
	405: {account, halt, "该地址不接受 POST：请检查 SUBMSG_WECHAT_URL 与代理", 0},
	407: {account, halt, "代理要求认证：请检查 HTTPS_PROXY", 0},
	413: {message, refused, "消息内容过大：请缩短后重发", 0},
	429: {account, later, "请求过于频繁，稍后自动重试", 10 * time.Second},
}

// clientError is every other 4xx: whoever answered did not take the request.
var clientError = rule{account, later, "请求未被微信受理，将自动重试：请检查 SUBMSG_WECHAT_URL 与代理", 0}

// What stops a message before anything goes out.
var (
	noTemplate = rule{message, refused, "未知模板：请改正 templateId 后重发", 0}
	unrendered = rule{message, refused, "参数不符合模板要求：请修改后重发", 0}
	tooSlow    = rule{account, later, "在时限内没有取得 access_token，消息未发出，将自动重试", 0}
	canceled   = rule{message, later, "正在停止，消息未发出", 0}
)

// What a failed request itself says. inDoubt looks like everybody's trouble. So does resend, but it is not said: to be
// taken for a halted one would cost such a message no attempt, and it could be sent without end.
var (
	notSent = rule{account, later, "连不上微信接口，消息未发出，将自动重试", 0}
	inDoubt = rule{account, unknown, "请求可能已到达微信，但没有得到完整应答，无法确定是否送达：请核实后再决定是否重发", 0}
	resend  = rule{message, later, "请求可能已到达微信，但没有得到完整应答；按模板的 onUnknown: resend 再次发送", 0}
	landed  = rule{user, unknown, "重发时授权已用完，前一次可能已经送达：请核实", 0}
)

// What the token endpoint's silence or nonsense says.
var (
	noToken   = rule{account, later, "连不上微信的 access_token 接口：请检查网络与 SUBMSG_WECHAT_URL，将自动重试", 0}
	badToken  = rule{account, later, "微信的 access_token 接口没有给出可用的应答：请检查 SUBMSG_WECHAT_URL，将自动重试", 0}
	sameToken = rule{account, halt, "微信拒绝了 access_token，而 stable_token 仍给出同一个：请检查 AppID 与接口地址，稍后自动再试", 0}
	newToken  = rule{account, halt, "刚刷新的 access_token 又被微信拒绝：请检查 AppID 与接口地址，稍后自动再试", 0}
)
