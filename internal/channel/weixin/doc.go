// Package weixin is what all accounts of WeChat have in common, mini-programs and official accounts: the credentials,
// the access_token that every request needs, and the JSON that comes back.
//
// It knows no message and no template: what is sent with a token, and what an errcode means for it, is the business of
// the channels above it, such as package wechat. Begin reading at account.go, whose Account is all that a channel
// holds; token.go decides when a token is asked for, stabletoken.go asks, answer.go reads WeChat's JSON.
//
// # Texts
//
// Verdict texts are read in sendStatusMsg by Chinese administrators: a Chinese sentence with the remedy first, from
// package explain, then WeChat's own words in parentheses. They hold no token and no AppSecret.
//
// Source: developers.weixin.qq.com/miniprogram/dev/server/API/mp-access-token/api_getstableaccesstoken.html.
package weixin
