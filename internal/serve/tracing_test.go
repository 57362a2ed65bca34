package serve

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/sirupsen/logrus"
)

// With a collector away there is trouble every few seconds.
func TestTraceTroubleIsSaidSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := logrus.New()
		log.SetOutput(&out)
		trouble := &traceTrouble{log: logrus.NewEntry(log)}
		for _, tt := range []struct {
			after time.Duration
			text  string
			said  bool
		}{
			{0, "refused", true},
			{time.Second, "refused", false},
			{time.Second, "timeout", false},
			{time.Minute, "refused", false},
			{time.Second, "timeout", true},
			{time.Minute, "refused", true},
			{59 * time.Minute, "refused", false},
			{time.Minute, "refused", true},
		} {
			time.Sleep(tt.after)
			out.Reset()
			trouble.Handle(errors.New(tt.text))
			if said := strings.Contains(out.String(), "traces: "+tt.text); said != tt.said {
				t.Errorf("%s after %s: %q", tt.text, tt.after, out.String())
			}
		}
	})
}

// What OpenTelemetry logs by itself may come with the value of a header.
func TestTraceLogLeavesValuesOut(t *testing.T) {
	const secret = "aSecretValue"
	var out bytes.Buffer
	log := logrus.New()
	log.SetOutput(&out)
	log.SetLevel(logrus.DebugLevel)
	l := logr.New(traceLog{&traceTrouble{log: logrus.NewEntry(log)}}).WithName("n").WithValues("k", secret)
	l.Info("hello", "input", secret)
	l.Error(errors.New("missing '='"), "parse headers", "input", secret)
	if got := out.String(); strings.Count(got, "\n") != 1 ||
		!strings.Contains(got, "traces: parse headers: missing '='") || strings.Contains(got, secret) {
		t.Errorf("%s", got)
	}
}
