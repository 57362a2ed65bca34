package explain

// Sentences that several errcodes share.
var (
	retriesItself = Text{
		"submsg 会自动重试；仍失败时请稍后重发",
		"submsg tries again by itself; if it fails all the same, send again later",
	}
	goesOnItself = Text{"恢复后自动继续，无需处理", "submsg goes on by itself once WeChat allows it"}
	changeText   = Text{"请修改内容后重发", "change the text and send again"}
	seePenalties = Text{"请在微信公众平台查看处罚与申诉", "see penalties and appeals on mp.weixin.qq.com"}
	tooLarge     = Text{"消息内容过大", "the message is too large"}
	shortenIt    = Text{"请缩短后重发", "shorten it and send again"}
	notAgain     = Text{"无需重发", "there is nothing to send again"}
	checkSecret  = Text{
		"请在微信公众平台核对或重置，并更新账号的密钥（SUBMSG_WECHAT_SECRET 或账号文件）",
		"check or reset it on mp.weixin.qq.com, and set the account's secret: SUBMSG_WECHAT_SECRET, or in its file",
	}
	checkAppID = Text{
		"请检查账号的 AppID（SUBMSG_WECHAT_APPID 或账号文件）",
		"check the account's AppID: SUBMSG_WECHAT_APPID, or in its file",
	}
	oddCharacters = Text{"请检查参数中的特殊字符", "look for odd characters in parameterArr"}
	adminConfirms = Text{"请小程序管理员在微信中确认", "the mini-program's administrator confirms it in WeChat"}
	askAdmin      = Text{"请联系小程序管理员", "talk to the mini-program's administrator"}
	clearQuota    = Text{
		"北京时间零点后自动恢复；急用时可在微信公众平台清零次数，再解除暂停",
		"submsg goes on by itself after midnight in Beijing; " +
			"where it is urgent, clear the quota on mp.weixin.qq.com and lift the pause",
	}
	checkValues = Text{"请检查各参数后重发", "check the values and send again"}
)

// WeChat says what each errcode of subscribe/send, stable_token and the template calls means, ordered by the code.
// An errcode that only refuses its message needs a line here and nothing else; what reaches farther than its message,
// or is tried again, also has a line in internal/channel/wechat/verdicts.go.
//
// Source: the errcode tables of developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/
// subscribe-message/api_sendmessage.html and …/mp-access-token/api_getstableaccesstoken.html; the codes that these
// don't list are from WeChat's list of general return codes and from reports in its community.
var WeChat = map[int32]Cause{
	-1:     {Text{"微信系统繁忙", "WeChat is busy"}, retriesItself},
	20001:  {Text{"微信系统错误", "WeChat had an internal error"}, retriesItself},
	20002:  {Text{"请求参数错误", "WeChat refused the values"}, checkValues},
	40001:  {Text{"access_token 无效或不是最新，刷新后仍被拒绝，也可能是 AppSecret 不正确", "the access token is not valid or not the newest, also after a renewal; or the AppSecret is wrong"}, Text{"请检查 AppSecret，以及是否有其他程序强制刷新了同一小程序的 access_token", "check the AppSecret, and whether another program renews the access token of this mini-program by force"}},
	40002:  {Text{"grant_type 不正确", "wrong grant_type"}, Text{"请检查微信接口地址，或升级 submsg", "check SUBMSG_WECHAT_URL, or upgrade submsg"}},
	40003:  {Text{"openid 无效", "the openid is not valid"}, Text{"请确认它属于本小程序，改正后重发", "see that it is of this mini-program, correct it and send again"}},
	40013:  {Text{"AppID 不正确", "wrong AppID"}, checkAppID},
	40014:  {Text{"access_token 不合法，刷新后仍被拒绝", "the access token is malformed, also after a renewal"}, Text{"请检查 AppID、AppSecret 与微信接口地址是否属于同一小程序", "check that AppID, AppSecret and SUBMSG_WECHAT_URL belong together"}},
	40033:  {Text{"参数中含有微信不接受的字符", "a value has characters that WeChat does not take"}, changeText},
	40037:  {Text{"模板 ID 无效", "the template id is not valid"}, Text{"请在微信公众平台确认该模板存在、属于本小程序且为订阅消息", "see on mp.weixin.qq.com that the template exists, is this mini-program's, and is for subscribe messages"}},
	40125:  {Text{"AppSecret 不正确", "wrong AppSecret"}, checkSecret},
	40164:  {Text{"本机 IP 不在白名单", "this server's IP address is not on the allow list"}, Text{"请在微信公众平台的 IP 白名单中加入本机的出口 IP，约 10 分钟后生效", "add it to the IP allow list on mp.weixin.qq.com; that takes about 10 minutes"}},
	40243:  {Text{"AppSecret 已被冻结", "the AppSecret is frozen"}, Text{"请在微信公众平台解冻", "unfreeze it on mp.weixin.qq.com"}},
	40249:  {Text{"内容违规，被微信拦截", "WeChat stopped the text as illegal"}, changeText},
	41001:  {Text{"请求中缺少 access_token", "the request came without its access token"}, Text{"请检查中间代理是否去掉了网址中的参数", "check whether a proxy cuts off the query of the URL"}},
	41002:  {Text{"缺少 AppID", "the AppID is missing"}, checkAppID},
	41004:  {Text{"缺少 AppSecret", "the AppSecret is missing"}, checkSecret},
	41030:  {Text{"页面路径不正确", "the page does not exist"}, Text{"请确认该页面在已发布的小程序中存在，改正后重发", "see that the published mini-program has it, correct it and send again"}},
	42001:  {Text{"access_token 已过期，刷新后仍被拒绝", "the access token has expired, also after a renewal"}, Text{"请检查微信接口地址与本机时钟", "check SUBMSG_WECHAT_URL and the clock of this server"}},
	43002:  {Text{"接口必须用 POST 调用", "WeChat wants a POST"}, Text{"请检查中间代理是否改写了请求", "check whether a proxy rewrites requests"}},
	43004:  {Text{"用户未关注，不能接收", "the user does not follow the account"}, notAgain},
	43101:  {Text{"用户未授权或授权次数已用完", "the user has not accepted this message, or has used up the acceptance"}, Text{"请引导用户再次订阅；在此之前重发仍会失败", "let the user subscribe again; until then, sending again fails again"}},
	43102:  {Text{"该模板不是订阅消息模板", "the template is not for subscribe messages"}, Text{"请换用订阅消息模板", "use one that is"}},
	43104:  {Text{"小程序没有订阅消息的权限", "the mini-program may not send subscribe messages"}, Text{"请在微信公众平台开通", "apply for it on mp.weixin.qq.com"}},
	43106:  {Text{"小程序因违规被限制发送", "the mini-program may not send, as a penalty"}, seePenalties},
	43107:  {Text{"订阅消息能力被封禁", "the mini-program's subscribe messages are banned"}, seePenalties},
	43108:  {Text{"同一用户正有另一条消息在发送", "another message to the same user was being sent"}, Text{"submsg 会自动重试约一小时；仍失败时请查找还有哪个系统也在给该用户发消息，再重发", "submsg tries again by itself for an hour; if it fails all the same, find out which other system sends to this user, and send again"}},
	43116:  {Text{"该模板已被封禁", "the template is banned"}, Text{"请在微信公众平台查看，或换用其他模板", "see mp.weixin.qq.com, or use another template"}},
	43117:  {Text{"给该用户发送过于频繁", "too many messages went to this user"}, retriesItself},
	44002:  {Text{"微信说请求内容为空", "WeChat says that the request was empty"}, Text{"请联系 submsg 开发者", "tell the developers of submsg"}},
	45009:  {Text{"今日接口调用次数已达上限", "the daily quota of the interface is used up"}, clearQuota},
	45011:  {Text{"每分钟调用次数已达上限", "the quota of this minute is used up"}, goesOnItself},
	45012:  {tooLarge, shortenIt},
	45013:  {tooLarge, shortenIt},
	45014:  {tooLarge, shortenIt},
	45102:  {Text{"接口被平台暂时停用", "WeChat has switched the interface off for now"}, goesOnItself},
	45109:  {Text{"微信已停止支持该接口", "WeChat no longer has this interface"}, Text{"请升级 submsg", "upgrade submsg"}},
	45168:  {Text{"内容含有敏感词", "the text has a word that WeChat does not allow"}, changeText},
	45501:  {Text{"接口被平台暂时停用", "WeChat has switched the interface off for now"}, goesOnItself},
	47001:  {Text{"微信说请求不是正确的 JSON", "WeChat says that the request was no JSON"}, oddCharacters},
	47002:  {Text{"微信说请求格式错误", "WeChat says that the request was malformed"}, oddCharacters},
	47003:  {Text{"参数不符合模板要求", "a value does not fit the template"}, Text{"请修改 parameterArr 后重发", "correct parameterArr and send again"}},
	48001:  {Text{"小程序没有此接口的权限", "the mini-program may not use this interface"}, Text{"请在微信公众平台确认接口权限", "see its rights on mp.weixin.qq.com"}},
	48002:  {Text{"用户关闭了接收消息", "the user has turned messages off"}, notAgain},
	48004:  {Text{"接口被封禁", "the interface is banned"}, seePenalties},
	48006:  {Text{"本月清零次数已用完", "the quota can't be cleared any more this month"}, Text{"次日自动恢复，无需处理", "submsg goes on by itself tomorrow"}},
	48008:  {Text{"小程序没有发送该类消息的权限", "the mini-program may not send this kind of message"}, Text{"请在微信公众平台确认", "see its rights on mp.weixin.qq.com"}},
	50002:  {Text{"用户受限，可能已注销或被封禁", "the user is restricted, or gone"}, notAgain},
	50004:  {Text{"小程序被禁止获取 access_token", "the mini-program may not get access tokens"}, seePenalties},
	50007:  {Text{"小程序账号已被冻结", "the mini-program's account is frozen"}, Text{"请在微信公众平台处理", "settle it on mp.weixin.qq.com"}},
	89501:  {Text{"本机 IP 正等待管理员确认", "this server's IP address waits for approval"}, adminConfirms},
	89503:  {Text{"本机 IP 调用需要管理员确认", "this server's IP address needs approval"}, adminConfirms},
	89506:  {Text{"管理员拒绝了本机 IP，24 小时内不能再申请", "the administrator refused this server's IP address for 24 hours"}, askAdmin},
	89507:  {Text{"管理员拒绝了本机 IP，1 小时内不能再申请", "the administrator refused this server's IP address for an hour"}, askAdmin},
	200001: {Text{"微信系统错误", "WeChat had an internal error"}, retriesItself},
	200002: {Text{"请求参数错误", "WeChat refused the values"}, checkValues},
}

// WeChatToken has the errcodes that mean something narrower when stable_token answers them. WeChat has them, too, with
// words that are true of both: rows and pauses keep the errcode alone, so the published causes can't tell them apart.
var WeChatToken = map[int32]Cause{
	40001: {Text{"AppSecret 不正确", "wrong AppSecret"}, checkSecret},
	45009: {Text{"今日获取 access_token 的次数已达上限", "the daily quota of access tokens is used up"}, clearQuota},
	45011: {Text{"获取 access_token 过于频繁", "access tokens were asked for too often"}, goesOnItself},
}

// WeChatTokenUnlisted is the cause of such an errcode at stable_token, which is asked again until it gives a token.
var WeChatTokenUnlisted = Cause{
	Why:      Text{"获取 access_token 时微信返回了未收录的错误码", "the token endpoint answered with an unknown errcode"},
	NextStep: Text{"请查阅微信文档", "look it up in WeChat's documents"},
}

// WeChatUnlisted is the cause of an errcode that WeChat lacks.
var WeChatUnlisted = Cause{
	Why: Text{"微信返回了未收录的错误码", "WeChat answered with an unknown errcode"},
	NextStep: Text{
		"submsg 会再试几次；仍失败时请查阅微信文档中的错误码后再决定",
		"submsg tries a few more times; if it fails all the same, " +
			"look the errcode up in WeChat's documents, then decide",
	},
}

// WhyValue is the Why of errcode 47003 where WeChat names the value: it takes the name of that value.
var WhyValue = Text{"%s不符合模板要求", "%s does not fit the template"}

// ResentItself is the NextStep of KindAnswerMissing while the template's onUnknown: resend sends the message again.
var ResentItself = Text{
	"按模板的 onUnknown: resend 自动重发",
	"it is sent again by itself, as the template's onUnknown: resend says",
}
