package wire

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
	"time"
)

const accepted = `{"errcode":0,"errmsg":"ok"}`

// openTLS serves answer over TLS, HTTP/2 on offer. It returns a function that posts there with a client that trusts the
// server if told so.
func openTLS(t *testing.T, trust bool, answer http.HandlerFunc) (post func() Reply) {
	server := httptest.NewUnstartedServer(answer)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	client := newClient(t, 10*time.Second)
	if trust {
		client.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		client.transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	}
	return func() Reply { return client.Post(t.Context(), server.URL, []byte(body)) }
}

func TestTLS(t *testing.T) {
	var protos []string
	post := openTLS(t, true, func(w http.ResponseWriter, r *http.Request) {
		protos = append(protos, r.Proto+" "+r.RemoteAddr)
		_, _ = io.WriteString(w, accepted)
	})
	for range 3 {
		if r := post(); r.Err != nil || r.Status != http.StatusOK || string(r.Body) != accepted {
			t.Fatalf("%+v", r)
		}
	}
	if protos[0][:9] != "HTTP/1.1 " || protos[0] != protos[1] || protos[1] != protos[2] {
		t.Errorf("%q, want HTTP/1.1 over one connection", protos)
	}
}

func TestTLSDies(t *testing.T) {
	post := openTLS(t, true, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if r := post(); r.Err == nil || !r.Left {
		t.Errorf("%+v, want an error and bytes that left", r)
	}
}

func TestTLSUntrusted(t *testing.T) {
	post := openTLS(t, false, func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	if r := post(); r.Err == nil || r.Left {
		t.Errorf("%+v, want an error and nothing that left", r)
	}
}

// A kept TLS connection that the server has closed: what is written to end it must not count as a request.
func TestTLSKeptConnectionClosedByServer(t *testing.T) {
	var requests atomic.Int32
	post := openTLS(t, true, func(w http.ResponseWriter, _ *http.Request) {
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
		switch r := post(); {
		case r.Err == nil && string(r.Body) == accepted:
			taken++
		case r.Err != nil && r.Left:
			doubts++
		default:
			t.Fatalf("%+v", r)
		}
	}
	if n := requests.Load(); n < taken || n > taken+doubts {
		t.Errorf("%d requests for %d answered and %d doubtful ones", n, taken, doubts)
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
