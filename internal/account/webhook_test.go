package account

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// Another channel is one line in the table, and its folder; this one is so small that it stands here.
func init() {
	channels["webhook"] = channel.Channel{Needs: []string{"url"}, Keys: webhookKeys, Open: openWebhook}
}

// webhookKeys takes a single key, which holds a word.
func webhookKeys(key string) (templates.Type, error) {
	if key != "word" {
		return nil, fmt.Errorf("key %q: a webhook knows word alone", key)
	}
	return word{}, nil
}

// word is a text without a space.
type word struct{}

func (word) String() string { return "word" }
func (word) Lists() bool    { return false }

func (w word) Fit(value string, _ []string, _ bool) (fitting, reason string) {
	return value, w.Never(value)
}

func (word) Never(text string) (reason string) {
	if strings.Contains(text, " ") {
		return "a word has no spaces"
	}
	return ""
}

// webhook posts a message's parameters to a URL.
type webhook struct{ url string }

func openWebhook(a channel.Account) (channel.Sender, error) { return webhook{a.URL}, nil }

func (webhook) Ready(context.Context) outbox.Verdict { return outbox.Verdict{Outcome: outbox.Accepted} }

func (webhook) Close() {}

func (w webhook) Send(_ context.Context, c outbox.Claimed) outbox.Verdict {
	answer, err := http.Post(w.url+"/"+c.TemplateID, "text/plain", strings.NewReader(strings.Join(c.Params, "\n")))
	if err != nil {
		return outbox.Verdict{Outcome: outbox.Unknown, Text: "没有应答"}
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return map[int]outbox.Verdict{
		http.StatusOK:                  {Outcome: outbox.Accepted},
		http.StatusUnprocessableEntity: {Outcome: outbox.Refused, Text: string(text)},
		http.StatusServiceUnavailable:  {Outcome: outbox.Halt, Text: string(text), Stops: []string{outbox.WholeAccount}},
	}[answer.StatusCode]
}
