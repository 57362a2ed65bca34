package wire

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// suspended is the context of a send on a machine that slept beyond its deadline: no timer has gone off, and yet the
// time is over.
type suspended struct{ context.Context }

func (suspended) Err() error { return context.DeadlineExceeded }

// What comes too late isn't sent, even if no timer says so.
func TestTooLateIsNotSent(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	client := New(time.Minute, 1)
	defer client.Close()
	if r := client.Post(t.Context(), server.URL, []byte("{}")); r.Err != nil || asked.Load() != 1 {
		t.Fatalf("in time: %+v, %d requests", r, asked.Load())
	}
	r := client.Post(suspended{t.Context()}, server.URL, []byte("{}"))
	if r.Err == nil || r.Left || asked.Load() != 1 {
		t.Errorf("too late: %+v, %d requests", r, asked.Load())
	}
}
