package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
)

// readiness asks the Sender whether messages may go, and which. The Sender may need a while for its answer (a token has
// to be fetched), so it is asked in a goroutine of its own: outcomes are settled meanwhile.
type readiness struct {
	sender Sender
	log    *logrus.Entry

	answers chan Verdict // of the question that was asked
	asking  bool
	refused string // why the Sender isn't ready, as it was logged; "" while it is
	text    string // the same, as the Sender said it last
}

// ask asks, unless a question is still open.
func (r *readiness) ask(ctx context.Context, limit time.Duration) {
	if r.asking {
		return
	}
	r.asking = true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		r.answers <- r.sender.Ready(ctx)
	}()
}

// answered takes in an answer, logs it where it has changed, and tells whether messages may go.
func (r *readiness) answered(ctx context.Context, v Verdict) (ready bool) {
	r.asking = false
	if v.Outcome == Accepted {
		if r.refused != "" {
			r.log.Info("sending again")
		}
		r.refused, r.text = "", ""
		return true
	}
	why := v.Text
	r.text = v.Text
	if v.Code != nil { // its text may hold a number of the request, which is another one each time
		why = fmt.Sprint("errcode ", *v.Code)
	}
	if why != r.refused && !errors.Is(context.Cause(ctx), context.Canceled) {
		r.log.Errorf("nothing can be sent, messages wait: %s", v.Text)
		r.refused = why
	}
	return false
}
