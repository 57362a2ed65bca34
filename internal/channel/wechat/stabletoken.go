package wechat

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/submsg/submsg/outbox"
)

const (
	tokenPath = "/cgi-bin/stable_token"
	maxLife   = 2 * time.Hour // WeChat's longest
	maxToken  = 2048          // bytes; WeChat asks for room for 512
)

// stableToken returns the fetch of a token: POST cgi-bin/stable_token in its normal mode. force_refresh is never
// set, because it kills the token of every other replica. The secret lives in closures only.
func stableToken(w *wire, cfg Config, hide blackout) func(context.Context) fetched {
	url := cfg.BaseURL + tokenPath
	body := appendString([]byte(`{"grant_type":"client_credential","appid":`), cfg.AppID)
	body = appendString(append(body, `,"secret":`...), string(cfg.Secret))
	body = append(body, `,"force_refresh":false}`...)
	return func(ctx context.Context) fetched { return readToken(w.post(ctx, url, body), hide) }
}

// readToken reads {"access_token":"…","expires_in":7200}, or judges what came instead.
func readToken(r reply, hide blackout) fetched {
	if r.err != nil {
		return fetched{trouble: noToken.verdict(hide(describe(r.err)))}
	}
	fields, err := parseObject(r.body)
	a, noCode := parseAnswer(r.body)
	switch {
	case noCode == nil && a.code != 0:
		return fetched{trouble: judgeToken(a, hide)}
	case r.status != http.StatusOK:
		return fetched{trouble: badToken.verdict(fmt.Sprintf("HTTP %d", r.status))}
	case err != nil:
		return fetched{trouble: badToken.verdict(describe(err))}
	}
	value := textOf(fields["access_token"])
	seconds, err := strconv.ParseInt(string(fields["expires_in"]), 10, 32)
	if err != nil || seconds <= 0 || len(value) > maxToken || checkWord("access_token", value) != nil {
		return fetched{trouble: badToken.verdict("no usable access_token and expires_in")}
	}
	return fetched{value: value, life: min(time.Duration(seconds)*time.Second, maxLife)}
}

// judgeToken is the verdict on an errcode of stable_token. Without a token nothing goes out, so that
// whatever does not pass by itself stops the account.
func judgeToken(a answer, hide blackout) outbox.Verdict {
	rule, ok := tokenRules[a.code]
	if !ok {
		if rule, ok = rules[a.code]; !ok {
			rule = strangeToken
		}
	}
	rule.scope = account
	if rule.outcome != later {
		rule.outcome = halt
	}
	v := rule.verdict(a.words(hide))
	v.Code = &a.code
	return v
}
