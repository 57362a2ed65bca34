package fakewechat

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Whether a fault lets the message be accepted before it spoils the answer.
const (
	never   = iota
	perhaps // if Fault.Accepted says so
	always
)

// kind is one way to misbehave. A nil write delivers the answer as it is.
type kind struct {
	accepts int
	delay   time.Duration // if the fault names none
	write   func(http.ResponseWriter, *http.Request, answer, *Fault)
}

var kinds = map[string]kind{
	"latency":      {accepts: always, delay: time.Second},
	"system_error": {accepts: perhaps},
	"errcode":      {accepts: perhaps},

	"drop_before": {accepts: never, write: drop},
	"drop_after":  {accepts: always, write: drop},
	"reset":       {accepts: perhaps, write: reset},

	"status_502": {accepts: perhaps, write: page(http.StatusBadGateway, "<html><body><h1>502 Bad Gateway</h1></body></html>")},
	"html":       {accepts: perhaps, write: page(http.StatusOK, "<!DOCTYPE html><html><body>系统繁忙</body></html>")},
	"redirect":   {accepts: perhaps, write: redirect},

	"truncated":   {accepts: always, write: truncated},
	"half_json":   {accepts: always, write: halfJSON},
	"endless":     {accepts: always, write: endless},
	"slow_body":   {accepts: always, delay: time.Second, write: slowBody},
	"no_msgid":    {accepts: always, write: noMsgID},
	"wrong_types": {accepts: always, write: wrongTypes},
}

// drop closes the connection in place of an answer.
func drop(w http.ResponseWriter, _ *http.Request, _ answer, _ *Fault) { hangUp(w).Close() }

// reset does so with a TCP RST.
func reset(w http.ResponseWriter, _ *http.Request, _ answer, _ *Fault) {
	conn := hangUp(w)
	if tcp, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// hangUp takes the connection over. Where there is none to take (HTTP/2, a recorder), it aborts the
// handler in the way that net/http provides for this.
func hangUp(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
}

// page answers with HTML, as a gateway before WeChat does.
func page(status int, html string) func(http.ResponseWriter, *http.Request, answer, *Fault) {
	return func(w http.ResponseWriter, _ *http.Request, _ answer, _ *Fault) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		io.WriteString(w, html)
	}
}

// redirect leads to the same place, forever: a client that follows would send twice.
func redirect(w http.ResponseWriter, r *http.Request, _ answer, _ *Fault) {
	w.Header().Set("Location", r.URL.RequestURI())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// truncated announces the whole answer and closes the connection in its middle.
func truncated(w http.ResponseWriter, _ *http.Request, a answer, _ *Fault) {
	a.head(w)
	w.Write(a.body[:len(a.body)/2])
}

// halfJSON is a sound HTTP answer with half of the JSON.
func halfJSON(w http.ResponseWriter, _ *http.Request, a answer, _ *Fault) {
	a.body = a.body[:len(a.body)/2]
	a.write(w)
}

// endless begins an answer that goes on until the client leaves.
func endless(w http.ResponseWriter, _ *http.Request, _ answer, _ *Fault) {
	_, err := io.WriteString(w, `{"errcode":0,"errmsg":"ok`)
	for chunk := bytes.Repeat([]byte("k"), 32<<10); err == nil; {
		_, err = w.Write(chunk)
	}
}

// slowBody sends byte after byte.
func slowBody(w http.ResponseWriter, r *http.Request, a answer, f *Fault) {
	a.head(w)
	for i := range a.body {
		if !wait(r.Context(), f.Delay) {
			return
		}
		w.Write(a.body[i : i+1])
		http.NewResponseController(w).Flush()
	}
}

// noMsgID is the answer as WeChat's page documents it.
func noMsgID(w http.ResponseWriter, _ *http.Request, a answer, _ *Fault) {
	a.body = rewrite(a.body, func(o object) { delete(o, "msgid") })
	a.write(w)
}

// wrongTypes has a string where a number belongs, and the other way round.
func wrongTypes(w http.ResponseWriter, _ *http.Request, a answer, _ *Fault) {
	a.body = rewrite(a.body, func(o object) {
		for k, raw := range o {
			s := strings.Trim(string(raw), `"`)
			if s == string(raw) {
				o[k] = encode(s)
			} else {
				o[k] = json.RawMessage("0")
			}
		}
	})
	a.write(w)
}

func rewrite(body []byte, change func(object)) []byte {
	o := parseObject(body)
	change(o)
	return encode(o)
}
