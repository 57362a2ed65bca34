package account

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/outbox"
)

// Another channel is one line in the table, and its folder; this one is so small that it stands here.
func init() { channels["webhook"] = channel.Channel{Needs: []string{"url"}, Open: openWebhook} }

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
