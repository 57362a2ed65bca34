package tracing

import (
	"context"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/submsg/submsg/outbox"
)

// TestMain removes the variables that are set where the tests run.
func TestMain(m *testing.M) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "OTEL_") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

// script is a Sender whose verdicts are those of a function.
type script func(context.Context, outbox.Claimed) outbox.Verdict

// anyAccount is the only account of a Sender, which sends any template.
var anyAccount = []outbox.Account{{Name: "default", OnePersonAtATime: true}}

func (script) Accounts() []outbox.Account { return anyAccount }

func (script) Ready(context.Context, string) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Later}
}

func (s script) Send(ctx context.Context, c outbox.Claimed) outbox.Verdict { return s(ctx, c) }

func accepts(context.Context, outbox.Claimed) outbox.Verdict {
	return outbox.Verdict{Outcome: outbox.Accepted, Code: new(int32), MsgID: 1 << 60}
}

// named knows one template, by its name and its id.
func named(idOrName string) string {
	if idOrName == "orderStatus" || idOrName == "zT99mpoUCb28M02K7ohTO3h81IvBUlgt8JVRn6rkNSc" {
		return "orderStatus"
	}
	return ""
}
