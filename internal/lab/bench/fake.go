package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/lab/fakewechat"
	"github.com/submsg/submsg/outbox"
)

// fake is a fake WeChat in a process of its own.
type fake struct {
	*lab
	*child
	url string
}

// startFake runs a fake that has accepted nothing yet.
func (l *lab) startFake(latency time.Duration) (*fake, error) {
	out := &firstLine{line: make(chan string, 1)}
	line := out.line
	c, err := l.start(out, nil, "fakewechat", "--grant-all", "--quiet", "--addr", "127.0.0.1:0", "--latency",
		latency.String())
	if err != nil {
		return nil, err
	}
	select {
	case url := <-line:
		return &fake{l, c, url}, nil
	case <-c.done:
		return nil, c.explain("did not start")
	case <-time.After(patience):
		return nil, errors.Join(fmt.Errorf("submsg fakewechat said nothing for %s", patience), c.stop())
	}
}

// withFake runs a figure with a fake and a database of its own.
func (l *lab) withFake(ctx context.Context, latency time.Duration, do func(*fake, workload) error) error {
	return l.with(ctx, func(d workload) error {
		f, err := l.startFake(latency)
		if err != nil {
			return err
		}
		return errors.Join(do(f, d), f.stop())
	})
}

// client is the product's own client for the fake: the one whose sends are the limit is the one that the consumer gets.
// Its connections are open and its token is there.
func (f *fake) client(ctx context.Context, senders int) (*account.Router, error) {
	c, err := account.Single(account.OfWeChat(fakewechat.DefaultAppID, fakewechat.DefaultSecret, f.url), f.catalogue,
		account.Options{Senders: senders, Log: f.cfg.Log})
	if err != nil {
		return nil, err
	}
	if v := c.Ready(ctx, account.Default); v.Outcome != outbox.Accepted {
		return nil, errors.New("no token from the fake WeChat: " + v.Text)
	}
	_, err = post(ctx, c, senders, 2*senders)
	return c, err
}

// accepted is how many messages the fake has accepted.
func (f *fake) accepted(ctx context.Context) (int, error) {
	var stats fakewechat.Stats
	err := f.get(ctx, "/_fake/stats", func(d *json.Decoder) error { return d.Decode(&stats) })
	return stats.Accepted, err
}

// arrivals tells when the message to each openid was accepted, by the clock of this machine.
func (f *fake) arrivals(ctx context.Context) (map[string]time.Time, error) {
	at := map[string]time.Time{}
	return at, f.get(ctx, "/_fake/sent", func(d *json.Decoder) error {
		for d.More() {
			var sent fakewechat.Sent
			if err := d.Decode(&sent); err != nil {
				return err
			}
			if _, twice := at[sent.OpenID]; twice {
				return fmt.Errorf("a message was sent twice, msgid %d is the second", sent.MsgID)
			}
			at[sent.OpenID] = sent.Time
		}
		return nil
	})
}

func (f *fake) get(ctx context.Context, path string, read func(*json.Decoder) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the fake WeChat answers %s with %s", path, resp.Status)
	}
	return read(json.NewDecoder(bufio.NewReader(resp.Body)))
}

// ledger checks that what was settled was accepted, each message once.
type ledger struct {
	f      *fake
	before int
}

func (f *fake) ledger(ctx context.Context) (ledger, error) {
	n, err := f.accepted(ctx)
	return ledger{f, n}, err
}

// balance compares: want messages were accepted since the ledger was opened.
func (l ledger) balance(ctx context.Context, want int) error {
	now, err := l.f.accepted(ctx)
	if err == nil && now-l.before != want {
		err = fmt.Errorf("the fake WeChat accepted %d messages, %d were to be sent", now-l.before, want)
	}
	return err
}
