package weixin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

const (
	tokenPath = "/cgi-bin/stable_token"
	maxLife   = 2 * time.Hour // WeChat's longest
	maxToken  = 2048          // bytes; WeChat asks for room for 512
)

// tokenRequest is what stable_token is asked.
type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	ForceRefresh bool   `json:"force_refresh"`
}

// stableToken returns the fetch of a token: POST cgi-bin/stable_token in its normal mode. It is never asked by force,
// because that ends the token of every other replica.
func stableToken(cfg Config, s *secrets, hide func(string) string) func(context.Context) fetched {
	address := cfg.BaseURL + tokenPath
	return func(ctx context.Context) fetched {
		s.renew()
		body, _ := json.Marshal(tokenRequest{ // four plain values can't fail
			GrantType: "client_credential", AppID: cfg.AppID, Secret: string(s.current()), ForceRefresh: false,
		})
		return readToken(cfg.Wire.Post(ctx, address, body), hide)
	}
}

// readToken reads {"access_token":"…","expires_in":7200}, or judges what came instead.
func readToken(r wire.Reply, hide func(string) string) fetched {
	if r.Err != nil {
		return fetched{trouble: trouble(explain.KindTokenUnreachable, outbox.Later, hide(r.Trouble()))}
	}
	fields, err := ParseObject(r.Body)
	a, noCode := ParseAnswer(r.Body)
	switch {
	case noCode == nil && a.Code != 0:
		return fetched{trouble: judgeToken(a, hide)}
	case r.Status != http.StatusOK:
		return unusable(fmt.Sprintf("HTTP %d", r.Status))
	case err != nil:
		return unusable(err.Error())
	}
	value := TextOf(fields["access_token"])
	seconds, err := strconv.ParseInt(string(fields["expires_in"]), 10, 32)
	if err != nil || seconds <= 0 || len(value) > maxToken || checkWord("access_token", value) != nil {
		return unusable("no usable access_token and expires_in")
	}
	return fetched{value: value, life: min(time.Duration(seconds)*time.Second, maxLife)}
}

func unusable(details string) fetched {
	return fetched{trouble: trouble(explain.KindTokenUnusable, outbox.Later, details)}
}

// trouble is the verdict on why there is no token, where it is not WeChat that says so. It concerns the whole account.
func trouble(kind explain.Kind, outcome outbox.Outcome, details string) outbox.Verdict {
	return outbox.Verdict{
		Outcome: outcome, Trouble: troubleWith(outcome), Kind: string(kind), Text: Text(explain.Kinds[kind], details),
		Stops: []string{outbox.WholeAccount},
	}
}

// troubleWith is what kind of trouble it is to have no token.
func troubleWith(outcome outbox.Outcome) outbox.Trouble {
	if outcome == outbox.Halt {
		return outbox.Credentials
	}
	return outbox.Busy
}

// stopping is the verdict on a token that nobody waits for any more. It says nothing about the account.
func stopping() outbox.Verdict {
	v := trouble(explain.KindStopping, outbox.Later, "")
	v.Stops = nil
	return v
}

// judgeToken is the verdict on an errcode of stable_token. Without a token nothing goes out, so that whatever does not
// pass by itself stops the account.
func judgeToken(a Answer, hide func(string) string) outbox.Verdict {
	outcome := outbox.Halt
	switch a.Code {
	case -1, 20001, 200001: // WeChat is busy
		outcome = outbox.Later
	}
	cause, ok := explain.WeChatToken[a.Code]
	if !ok {
		if cause, ok = explain.WeChat[a.Code]; !ok {
			cause = explain.WeChatTokenUnlisted
		}
	}
	return outbox.Verdict{
		Outcome: outcome, Trouble: troubleWith(outcome), Code: &a.Code,
		Text: Text(cause, a.Words(hide)), Stops: []string{outbox.WholeAccount},
	}
}
