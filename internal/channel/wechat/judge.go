package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// maxWords bounds, in characters, what others said and goes into a verdict.
const maxWords = 200

// verdict makes a rule's verdict; the details follow the text in parentheses.
func (r rule) verdict(details string) outbox.Verdict {
	v := outbox.Verdict{Outcome: r.outcome, Text: r.text, After: r.after}
	if details = clean(details); details != "" {
		v.Text += " (" + details + ")"
	}
	if r.scope == account || r.scope == token {
		v.Stops = []string{outbox.Account}
	}
	return v
}

// letter is one message, rendered.
type letter struct {
	claimed  outbox.Claimed
	template *templates.Template
	payload  templates.Payload
}

// judge is the verdict on a letter's reply, and whether it was its token that was rejected.
func (l letter) judge(r reply, hide blackout) (v outbox.Verdict, rejected bool) {
	switch {
	case r.err != nil && !r.left:
		return notSent.verdict(hide(describe(r.err))), false
	case r.err != nil:
		return l.doubt(hide(describe(r.err))), false
	}
	a, err := parseAnswer(r.body)
	switch {
	case err == nil && a.code != 0 && r.status < http.StatusInternalServerError:
		return l.judgeCode(a, hide), rules[a.code].scope == token
	case err == nil && a.code == 0 && r.status == http.StatusOK:
		return outbox.Verdict{Outcome: outbox.Accepted, Code: &a.code, Text: clean(hide(a.msg)), MsgID: a.msgID}, false
	case r.status == http.StatusOK:
		return l.doubt(describe(err)), false
	}
	details := fmt.Sprintf("HTTP %d", r.status)
	if rule, ok := ruleOfStatus(r.status); ok && err != nil {
		return rule.verdict(details), false
	}
	return l.doubt(details), false
}

// ruleOfStatus returns the rule of a status that certainly did not process the request.
func ruleOfStatus(status int) (rule, bool) {
	if rule, ok := statuses[status]; ok {
		return rule, true
	}
	return clientError, status >= 400 && status < 500
}

// doubt is the verdict on a request that may have been taken. The template may prefer a second
// message to none.
func (l letter) doubt(details string) outbox.Verdict {
	if l.template.OnUnknown == templates.Resend {
		v := resend.verdict(details)
		v.Doubt = true
		return v
	}
	return inDoubt.verdict(details)
}

func (l letter) judgeCode(a answer, hide blackout) outbox.Verdict {
	rule, known := rules[a.code]
	switch {
	case !known:
		rule = strange
	case a.code == 43101 && l.claimed.Attempt > 1 && l.template.OnUnknown == templates.Resend:
		// An earlier attempt may have been a doubtful one that arrived and used up the permission.
		rule = landed
	case a.code == 47003:
		if blamed := l.blame(a.msg); blamed != "" {
			rule.text = hide(blamed) + "不符合模板要求：请修改后重发"
		}
	}
	v := rule.verdict(a.words(hide))
	v.Code = &a.code
	if !known {
		v.Tries = strangeTries
	}
	if rule.scope == template && rule.outcome == halt {
		v.Stops = slices.Compact([]string{l.template.ID, l.template.Name})
	}
	return v
}

// words is WeChat's answer as it goes behind a text: "43101 user refuse to accept the msg rid: …".
func (a answer) words(hide blackout) string {
	words := fmt.Sprintf("%d %s", a.code, shorten(hide(a.msg), maxWords-60))
	if a.rid != "" {
		words += " rid: " + a.rid
	}
	return words
}

// WeChat cuts the message of a 47003 at 48 characters, so that nothing behind the key can be relied on.
var blamedKey = regexp.MustCompile(`data\.(\w+)`)

// blame says which parameter made the value that WeChat refused: "第 2 个参数 goodsPrice（amount3 = 十万元）". It is empty
// when WeChat named none.
func (l letter) blame(errmsg string) string {
	found := blamedKey.FindStringSubmatch(errmsg)
	if found == nil {
		return ""
	}
	key := found[1]
	i := slices.IndexFunc(l.template.Fields, func(f templates.Field) bool { return f.Key == key })
	if i < 0 {
		return key
	}
	var names []string
	written := strings.ReplaceAll(l.template.Fields[i].Value, "{{", "")
	for n, param := range l.template.Params {
		if strings.Contains(written, "{"+param+"}") {
			names = append(names, fmt.Sprintf("第 %d 个参数 %s", n+1, param))
		}
	}
	value := ""
	for _, item := range l.payload.Data {
		if item.Key == key {
			value = " = " + shorten(item.Value, 40)
		}
	}
	if names == nil {
		names = []string{"模板里写定的值"}
	}
	return fmt.Sprintf("%s（%s%s）", strings.Join(names, "、"), key, value)
}

// describe says what went wrong with a request, in few words.
func describe(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return err.Error()
}

// clean makes foreign words fit for a row and a line of log: valid UTF-8, no control characters (Postgres takes no
// NUL), and not without end.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return shorten(strings.TrimSpace(s), maxWords)
}

// shorten cuts s to at most n characters.
func shorten(s string, n int) string {
	count := 0
	for i := range s {
		if count++; count > n {
			return s[:i] + "…"
		}
	}
	return s
}
