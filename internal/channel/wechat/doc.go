// Package wechat is the channel to a mini-program's users: it renders a claimed message with its template, sends it by
// subscribe/send, and judges what came back.
//
// It knows no database and no status words: it hands back an outbox.Verdict, whose words come from package explain.
// Begin reading at sender.go, whose Sender implements outbox.Sender. A message then passes through these files:
//
//   - request.go writes the JSON that goes out; package wire posts it, with an access_token from package weixin
//   - verdicts.go holds the tables: what each errcode and each HTTP status means for a message
//   - judge.go makes a verdict of WeChat's answer and the tables
//
// Beside it, list.go asks which templates the account has, and package fields says what their keys may hold.
//
// # What is certain
//
// subscribe/send knows no idempotency key, so a request is sent again only when it certainly was not taken. No byte
// written is Later. One byte written, and no complete, readable answer, is Unknown.
//
// # Texts
//
// Verdict texts are read in sendStatusMsg by Chinese administrators. They hold no token, no AppSecret and no openid.
//
// Source: developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/
// api_sendmessage.html.
package wechat
