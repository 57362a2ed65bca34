package fakewechat

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// controlPrefix begins the paths of the control API. No path of WeChat's begins so.
const (
	controlPrefix = "/_fake/"
	sentPath      = controlPrefix + "sent"
)

// controller answers the control API of a server.
type controller struct{ *Server }

// controls is the whole control API. An error is the caller's: it becomes a 400 with its text.
var controls = map[string]func(controller, http.ResponseWriter, *http.Request) error{
	"POST /_fake/grants":   controller.postGrants,
	"GET /_fake/grants":    controller.getGrants,
	"POST /_fake/faults":   controller.postFaults,
	"DELETE /_fake/faults": controller.deleteFaults,
	"POST /_fake/tokens":   controller.postTokens,
	"POST /_fake/quota":    controller.postQuota,
	"GET /_fake/sent":      controller.getSent,
	"GET /_fake/stats":     controller.getStats,
}

func (s controller) control(w http.ResponseWriter, r *http.Request) {
	f := controls[r.Method+" "+r.URL.Path]
	if f == nil {
		http.Error(w, r.Method+" "+r.URL.Path+" is not part of the control API", http.StatusNotFound)
		return
	}
	if err := f(s, w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// read decodes one JSON object, with no key that is not known and nothing after it.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body is not as expected: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after its JSON object")
	}
	return nil
}

func done(w http.ResponseWriter, body any) error {
	reply(body, nil).write(w)
	return nil
}

func (s controller) postGrants(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		OpenID     string `json:"openid"`
		TemplateID string `json:"templateId"`
		Count      *int   `json:"count"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	if in.Count == nil {
		return errors.New("count is missing")
	}
	if err := s.Grant(in.OpenID, in.TemplateID, *in.Count); err != nil {
		return err
	}
	return done(w, map[string]int{"count": s.Permissions(in.OpenID, in.TemplateID)})
}

func (s controller) getGrants(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return done(w, map[string]int{"count": s.Permissions(q.Get("openid"), q.Get("templateId"))})
}

func (s controller) postFaults(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Kind        string  `json:"kind"`
		Count       int     `json:"count"`
		Probability float64 `json:"probability"`
		Path        string  `json:"path"`
		OpenID      string  `json:"openid"`
		TemplateID  string  `json:"templateId"`
		ErrCode     int     `json:"errcode"`
		ErrMsg      string  `json:"errmsg"`
		Delay       string  `json:"delay"`
		Accepted    bool    `json:"accepted"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	var delay time.Duration
	if in.Delay != "" {
		var err error
		if delay, err = time.ParseDuration(in.Delay); err != nil {
			return fmt.Errorf("delay must be like \"1s\" or \"250ms\", not %q", in.Delay)
		}
	}
	err := s.Fault(Fault{in.Kind, in.Count, in.Probability, in.Path, in.OpenID, in.TemplateID,
		in.ErrCode, in.ErrMsg, delay, in.Accepted})
	if err != nil {
		return err
	}
	return done(w, struct{}{})
}

func (s controller) deleteFaults(w http.ResponseWriter, _ *http.Request) error {
	s.ClearFaults()
	return done(w, struct{}{})
}

func (s controller) postTokens(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Revoke bool `json:"revoke"`
		Expire bool `json:"expire"`
		Sticky bool `json:"sticky"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	if in.Revoke == in.Expire {
		return errors.New("say either revoke or expire")
	}
	s.KillTokens(in.Expire, in.Sticky)
	return done(w, struct{}{})
}

func (s controller) postQuota(w http.ResponseWriter, r *http.Request) error {
	in := struct {
		Path   string `json:"path"`
		Daily  *int   `json:"daily"`
		Minute *int   `json:"minute"`
	}{Path: SendPath}
	if err := read(r, &in); err != nil {
		return err
	}
	if in.Daily == nil || in.Minute == nil {
		return errors.New("daily and minute are both needed, -1 for no limit")
	}
	if err := s.SetQuota(in.Path, *in.Daily, *in.Minute); err != nil {
		return err
	}
	return done(w, struct{}{})
}

// getSent writes one line of JSON for each accepted send; ?openid= keeps those of one person.
func (s controller) getSent(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	openid := r.URL.Query().Get("openid")
	out := bufio.NewWriterSize(w, 64<<10)
	for _, rec := range s.ledger.all() {
		if sent := rec.sent(s.o.AppID); openid == "" || sent.OpenID == openid {
			out.Write(append(encode(sent), '\n'))
		}
	}
	out.Flush() // a client that left needs no more
	return nil
}

func (s controller) getStats(w http.ResponseWriter, _ *http.Request) error { return done(w, s.Stats()) }
