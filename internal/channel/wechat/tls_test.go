package wechat

import (
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync/atomic"
	"testing"

	"github.com/submsg/submsg/outbox"
)

// openTLS serves answer over TLS, HTTP/2 on offer, to a sender that trusts it if told so.
func openTLS(t *testing.T, trust bool, answer http.HandlerFunc) *Sender {
	server := httptest.NewUnstartedServer(answer)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s := newSender(t, server.URL)
	if trust {
		s.wire.rt.TLSClientConfig.RootCAs = x509.NewCertPool()
		s.wire.rt.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	}
	return holding(s, canaryToken)
}

func TestTLS(t *testing.T) {
	var protos []string
	s := openTLS(t, true, func(w http.ResponseWriter, r *http.Request) {
		protos = append(protos, r.Proto+" "+r.RemoteAddr)
		_, _ = io.WriteString(w, accepted)
	})
	for range 3 {
		if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Accepted {
			t.Fatalf("%v (%s)", v.Outcome, v.Text)
		}
	}
	if protos[0][:9] != "HTTP/1.1 " || protos[0] != protos[1] || protos[1] != protos[2] {
		t.Errorf("%q, want HTTP/1.1 over one connection", protos)
	}
}

func TestTLSDies(t *testing.T) {
	s := openTLS(t, true, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Unknown {
		t.Errorf("%v (%s), want unknown", v.Outcome, v.Text)
	}
}

func TestTLSUntrusted(t *testing.T) {
	s := openTLS(t, false, func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Later {
		t.Errorf("%v (%s), want later", v.Outcome, v.Text)
	}
}

// A kept TLS connection that the server has closed: what is written to end it must not count as a request.
func TestTLSKeptConnectionClosedByServer(t *testing.T) {
	var requests atomic.Int32
	s := openTLS(t, true, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = io.WriteString(w, accepted)
		w.(http.Flusher).Flush()
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			c.Close()
		}
	})
	var taken, doubts int32
	for range 100 {
		switch v := s.Send(t.Context(), claim()); v.Outcome {
		case outbox.Accepted:
			taken++
		case outbox.Unknown:
			doubts++
		default:
			t.Fatalf("%v (%s)", v.Outcome, v.Text)
		}
	}
	if n := requests.Load(); n < taken || n > taken+doubts {
		t.Errorf("%d requests for %d accepted and %d doubtful sends", n, taken, doubts)
	}
}

// Bytes in a proxy's tunnel are not counted: a failure there is a doubt.
func TestTunnelCountsAsWritten(t *testing.T) {
	var e evidence
	if left, _ := e.afterFailure(); left {
		t.Error("no connection, and yet something left")
	}
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	e.trace().GotConn(httptrace.GotConnInfo{Conn: here})
	if left, _ := e.afterFailure(); !left {
		t.Error("a connection that does not count was taken for unused")
	}
}
