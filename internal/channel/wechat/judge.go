package wechat

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// usualWord is what WeChat says of a message that it takes.
const usualWord = "ok"

// rendered is one message with what its template made of it.
type rendered struct {
	claimed  outbox.Claimed
	template *templates.Template
	payload  templates.Payload
}

// hidden is what others' words must not repeat: the token, and what only those may read who may read the row. A page
// that is the template's own says nothing but what is filled into it.
func (m rendered) hidden(token string) []string {
	_, page, _ := strings.Cut(m.claimed.Page, "/") // most begin with pages/, which is a word of WeChat's, too
	return append([]string{token, m.claimed.OpenID, page}, m.claimed.Params...)
}

// judge is the verdict on the reply to a message, and whether it was its access_token that was rejected. hide takes the
// secrets, and what the message says, out of others' words.
func (m rendered) judge(r wire.Reply, hide func(string) string) (v outbox.Verdict, rejected bool) {
	switch {
	case r.Err != nil && !r.Left:
		return unreachable.verdict(hide(r.Trouble())), false
	case r.Err != nil:
		return m.doubt(hide(r.Trouble())), false
	}
	a, err := weixin.ParseAnswer(r.Body)
	switch {
	case err == nil && a.Code != 0 && r.Status < http.StatusInternalServerError:
		return m.judgeCode(a, hide), weixin.RejectsToken(a.Code)
	case err == nil && a.Code == 0 && r.Status == http.StatusOK:
		text := a.Msg
		if text != usualWord { // most say this, and it needs no search
			text = weixin.Clean(hide(text))
		}
		return outbox.Verdict{Outcome: outbox.Accepted, Code: &a.Code, Text: text, MsgID: a.MsgID}, false
	case r.Status == http.StatusOK:
		return m.doubt(err.Error()), false
	}
	details := strings.TrimSpace(fmt.Sprintf("HTTP %d %s", r.Status, http.StatusText(r.Status)))
	if found, ok := findingOf(r.Status); ok && err != nil {
		return found.verdict(details), false
	}
	return m.doubt(details), false
}

// findingOf returns what a status means that certainly did not process the request.
func findingOf(status int) (finding, bool) {
	if found, ok := statuses[status]; ok {
		return found, true
	}
	return clientError, status >= 400 && status < 500
}

// doubt is the verdict on a request that may have been taken. The template may prefer a second message to none.
func (m rendered) doubt(details string) outbox.Verdict {
	if m.template.OnUnknown != templates.Resend {
		return answerMissing.verdict(details)
	}
	v := answerMissingResend.verdict(details)
	v.Text = weixin.Text(explain.Cause{Why: explain.Kinds[answerMissing.kind].Why, NextStep: explain.ResentItself},
		details)
	v.Doubt = true
	return v
}

func (m rendered) judgeCode(a weixin.Answer, hide func(string) string) outbox.Verdict {
	cause, j, listed := judgementOf(a.Code)
	words := a.Words(hide)
	if a.Code == 43101 && m.claimed.Attempt > 1 && m.template.OnUnknown == templates.Resend {
		// An earlier attempt may have been a doubtful one that arrived and used up the permission.
		v := resendUncertain.verdict(words)
		v.Code = &a.Code
		return v
	}
	if a.Code == 47003 {
		if blamed := m.blame(a.Msg); blamed != "" {
			cause.Why.ZH = explain.WhyValue.In(explain.Chinese, blamed)
		}
	}
	v := j.verdict(cause, words)
	v.Code = &a.Code
	v.Personal = a.Code == 43101 // he gave no consent
	if a.Code == 45009 {
		v.After = untilQuotaReset(time.Now())
	}
	if !listed {
		v.Tries = unlistedTries
	}
	if j.reach == template && j.outcome == halt {
		v.Stops = slices.Compact([]string{m.template.ID, m.template.Name})
	}
	return v
}

// WeChat cuts the message of a 47003 at 48 characters, so that nothing behind the key can be relied on.
var blamedKey = regexp.MustCompile(`data\.(\w+)`)

// blame says which parameter made the value that WeChat refused: "第 2 个参数 goodsPrice（amount3）". It is empty when
// WeChat named no key of the template. The value isn't told: people read this who may not read parameterArr.
func (m rendered) blame(errmsg string) string {
	found := blamedKey.FindStringSubmatch(errmsg)
	if found == nil {
		return ""
	}
	key := found[1]
	i := slices.IndexFunc(m.template.Fields, func(f templates.Field) bool { return f.Key == key })
	if i < 0 {
		return "" // WeChat's own words may repeat anything
	}
	var names []string
	written := strings.ReplaceAll(m.template.Fields[i].Value, "{{", "")
	for n, param := range m.template.Params {
		if strings.Contains(written, "{"+param+"}") {
			names = append(names, fmt.Sprintf("第 %d 个参数 %s", n+1, param))
		}
	}
	if names == nil {
		names = []string{"模板里写定的值"}
	}
	return fmt.Sprintf("%s（%s）", strings.Join(names, "、"), key)
}
