package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/submsg/submsg/internal/channel/weixin"
	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/templates"
)

const listPath = "/wxaapi/newtmpl/gettemplate"

// maxList is the most bytes that a list of templates may have: an account has up to 50, each with what its enums may
// be.
const maxList = 4 << 20

// ListTemplates asks WeChat which templates the account has, in WeChat's order. The call's daily quota is small: it is
// for a person's question, never for a send. The error is one line, with WeChat's errcode if there was one.
//
// Source: developers.weixin.qq.com/miniprogram/dev/server/API/mp-message-management/subscribe-message/
// api_getmessagetemplatelist.html.
func (s *Sender) ListTemplates(ctx context.Context) ([]templates.Listed, error) {
	for try := 1; ; try++ {
		value, trouble := s.account.Token(ctx)
		if value == "" {
			return nil, fmt.Errorf("no access token: %s", trouble.Text)
		}
		list, code, err := readList(s.wire.Get(ctx, s.listURL+url.QueryEscape(value), maxList))
		if err == nil {
			s.account.Accept(value)
			return list, nil
		}
		rejected := weixin.RejectsToken(code)
		if rejected {
			s.account.Reject(value)
		}
		if !rejected || try == 2 {
			return nil, fmt.Errorf("WeChat gave no list of templates: %s",
				weixin.Clean(s.account.Hide(err.Error(), value)))
		}
	}
}

// readList reads a gettemplate's answer; code is its errcode.
func readList(r wire.Reply) (list []templates.Listed, code int32, err error) {
	if r.Err != nil {
		return nil, 0, errors.New(r.Trouble())
	}
	a, err := weixin.ParseAnswer(r.Body)
	switch {
	case err == nil && a.Code != 0:
		return nil, a.Code, errors.New(a.Words(func(text string) string { return text }))
	case r.Status != http.StatusOK:
		return nil, 0, fmt.Errorf("HTTP %d", r.Status)
	case err != nil:
		return nil, 0, err
	}
	fields, err := weixin.ParseObject(r.Body)
	if err != nil {
		return nil, 0, err
	}
	var data []listed
	if err := json.Unmarshal(fields["data"], &data); err != nil {
		return nil, 0, errors.New("the answer has no readable data")
	}
	for _, l := range data {
		list = append(list, l.template())
	}
	return list, 0, nil
}

// listed is a template as it stands in the answer.
type listed struct {
	ID      string      `json:"priTmplId"`
	Title   string      `json:"title"`
	Content string      `json:"content"` // 会议时间:{{date2.DATA}}\n会议地点:{{thing1.DATA}}\n
	Example string      `json:"example"` // 会议时间:2016年8月8日\n会议地点:TIT会议室\n
	Type    json.Number `json:"type"`    // 2 one-time, 3 long-term
	Enums   []struct {
		Key    string   `json:"keywordCode"` // enum_string2.DATA
		Values []string `json:"enumValueList"`
	} `json:"keywordEnumValueList"`
}

func (l listed) template() templates.Listed {
	t := templates.Listed{
		ID: weixin.Clean(l.ID), Title: weixin.Clean(l.Title), LongTerm: l.Type == "3", Keys: parseContent(l.Content),
	}
	for i := range t.Keys {
		k := &t.Keys[i]
		k.Example = exampleOf(l.Example, k.Label)
		for _, e := range l.Enums {
			if strings.TrimSuffix(e.Key, ".DATA") == k.Key {
				k.Values = e.Values
			}
		}
	}
	return t
}

// parseContent reads "label:{{key.DATA}}" line by line, the colon of either width. It takes any text, because a line of
// a form not known today must not hide the others: its odd key is refused by whoever checks keys.
func parseContent(content string) (keys []templates.ListedKey) {
	for line := range strings.SplitSeq(content, "\n") {
		for {
			label, rest, there := strings.Cut(line, "{{")
			if !there {
				break
			}
			key, after, _ := strings.Cut(rest, "}}")
			keys = append(keys, templates.ListedKey{
				Key:   weixin.Clean(strings.TrimSuffix(strings.TrimSpace(key), ".DATA")),
				Label: strings.TrimRight(weixin.Clean(label), ":： "),
			})
			line = after
		}
	}
	return keys
}

// exampleOf finds a label's line among "label:value" lines.
func exampleOf(example, label string) string {
	for line := range strings.SplitSeq(example, "\n") {
		rest, there := strings.CutPrefix(strings.TrimSpace(line), label)
		for _, colon := range []string{":", "："} {
			if value, found := strings.CutPrefix(rest, colon); there && found {
				return weixin.Clean(value)
			}
		}
	}
	return ""
}
