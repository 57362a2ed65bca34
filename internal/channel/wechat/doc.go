// Package wechat is the channel to a mini-program's users: it renders a claimed message with its
// template, sends it by subscribe/send, and judges what came back.
//
// A Sender implements outbox.Sender. Its parts, in the order of a send:
//
//   - token.go, stabletoken.go: the access_token, one in memory, from cgi-bin/stable_token
//   - request.go: the JSON that goes out
//   - wire.go, conn.go: one POST, and the evidence whether any of it left this machine
//   - answer.go: the JSON that comes back
//   - verdicts.go: what each errcode and HTTP status means, as tables
//   - judge.go: an answer and the tables make a verdict
//
// And beside it, list.go: which templates the account has.
//
// # What is certain
//
// subscribe/send knows no idempotency key, so a request is sent again only when it certainly was not
// taken. Every connection counts the bytes it was given: no byte written is Later, one byte written and
// no complete, readable answer is Unknown. Nothing is repeated below this package: net/http is
// given no means to replay a POST (no GetBody, no Idempotency-Key header), and follows no redirect. HTTP/1.1 only,
// one request a connection at a time: a connection that dies takes one message into doubt, not all of them.
//
// # Proxies
//
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured, because an account with an IP allow list often has one
// fixed way out; loopback addresses are never proxied. To an https URL the proxy sees an opaque tunnel, and bytes in
// it are not counted: such a request counts as perhaps written as soon as it has its connection.
//
// # Texts
//
// Verdict texts are read in sendStatusMsg by Chinese administrators: a Chinese sentence with the remedy
// first, then WeChat's own words in parentheses. They hold no token, no AppSecret and no openid.
//
// Source: developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/api_sendmessage.html
// and …/server/API/mp-access-token/api_getstableaccesstoken.html.
package wechat
