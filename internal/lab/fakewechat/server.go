// Package fakewechat is a WeChat to test and demonstrate against: an http.Handler that answers subscribe/send,
// gettemplate, the two token endpoints and the quota endpoints as api.weixin.qq.com does, refuses what WeChat refuses,
// and misbehaves when told to. It knows neither database nor outbox, and it checks values by itself (checks.go),
// because it judges package templates and must not share that package's mistakes.
//
// Begin reading at Server in this file; send.go takes a message, faults.go and deliver.go misbehave, control.go has the
// endpoints below /_fake/ that tests and people command it by.
//
// What WeChat documents is followed to the letter. What WeChat leaves open is decided strictly where the wording is
// clear, and is written down in the README of this folder.
package fakewechat

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/templates"
)

// The account that the server knows when Options names none.
const (
	DefaultAppID  = "wxfake0000000000"
	DefaultSecret = "fakesecret0000000000000000000000"
)

// The paths that are answered, as in WeChat's server API.
const (
	SendPath        = "/cgi-bin/message/subscribe/send"
	TokenPath       = "/cgi-bin/token"
	StableTokenPath = "/cgi-bin/stable_token"
	QuotaGetPath    = "/cgi-bin/openapi/quota/get"
	ClearQuotaPath  = "/cgi-bin/clear_quota"
	GetTemplatePath = "/wxaapi/newtmpl/gettemplate"
)

// maxBody bounds every request body, in bytes.
const maxBody = 64 << 10

// Options set up a Server. The zero value is a server with the default account, the shipped
// templates, real time, and no permission granted.
type Options struct {
	AppID, Secret string
	Latency       time.Duration // added to each answer of subscribe/send
	GrantAll      bool          // everybody has endless permission for every template

	Templates func() *templates.Catalogue // what templates exist; nil means the shipped ones
	Now       func() time.Time            // the clock of tokens, quotas and the log; nil means time.Now
	TokenLife time.Duration               // 0 means 2 h; the overlap of old and new is a 24th of it, 5 min of 2 h

	DailyQuota  int // subscribe/send calls a day; 0 means 30,000,000
	MinuteQuota int // subscribe/send calls a minute; 0 means no limit

	Seed uint64            // of the dice for faults with a probability
	Log  func(line string) // called once for each subscribe/send, by many goroutines; nil is silent
}

// Server is the fake. All of its state is in memory, and it is safe for concurrent use.
type Server struct {
	o      Options
	tokens tokens
	grants grants
	quota  quota
	faults faults
	ledger ledger
	calls  calls
}

var _ http.Handler = (*Server)(nil)

// New returns a server that has accepted nothing yet.
func New(o Options) *Server {
	if o.AppID == "" {
		o.AppID = DefaultAppID
	}
	if o.Secret == "" {
		o.Secret = DefaultSecret
	}
	if o.Templates == nil {
		o.Templates = fields.Shipped
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TokenLife <= 0 {
		o.TokenLife = 2 * time.Hour
	}
	s := &Server{o: o}
	s.tokens.init(o.Now, o.TokenLife)
	s.quota.init(o.Now, o.DailyQuota, o.MinuteQuota)
	s.faults.init(o.Seed)
	s.ledger.init(o.Now)
	s.calls.init()
	s.grants.init()
	if o.GrantAll {
		s.grants.add(anyone, anyone, Endless)
	}
	return s
}

// request is one call, its body read.
type request struct {
	query   url.Values
	body    []byte
	tooLong bool
	json    object // the body; nil if it is not one JSON object

	// Of subscribe/send only.
	openid, templateID string // "" where there is none
	busy               bool   // another call for the same openid is in progress
}

// endpoint answers one path: with a body to be written as JSON, or with a refusal.
type endpoint struct {
	method string
	wrong  int // errcode for any other method
	answer func(*Server, *request) (any, *refusal)
}

var endpoints = map[string]endpoint{
	SendPath:        {http.MethodPost, 43002, (*Server).send},
	TokenPath:       {http.MethodGet, 43001, (*Server).classicToken},
	StableTokenPath: {http.MethodPost, 43002, (*Server).stableToken},
	QuotaGetPath:    {http.MethodPost, 43002, (*Server).quotaGet},
	ClearQuotaPath:  {http.MethodPost, 43002, (*Server).clearQuota},
	GetTemplatePath: {http.MethodGet, 43001, (*Server).getTemplate},
}

// ServeHTTP matches paths exactly and cleans none, so that no slip in an API path ends in the
// control API under /_fake/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if strings.HasPrefix(path, controlPrefix) {
		controller{s}.control(w, r)
		return
	}
	e, known := endpoints[path]
	switch {
	case !known:
		reply(nil, refuse(40066)).write(w)
	case r.Method != e.method:
		reply(nil, refuse(e.wrong)).write(w)
	default:
		s.serve(w, r, e)
	}
}

// serve judges the request first and waits afterwards: a client that gives up while it waits has
// sent its message all the same, as with the real one.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	path := r.URL.Path
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil { // cut off by the client, or not HTTP
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	start := time.Now()
	q := &request{query: r.URL.Query(), body: body, tooLong: len(body) > maxBody, json: parseObject(body)}
	s.calls.token(path, string(q.json["force_refresh"]) == "true")
	var delay time.Duration
	leave := func(time.Duration) {}
	if path == SendPath {
		delay = s.o.Latency
		q.openid, q.templateID = q.json.receiver()
		q.busy, leave = s.calls.enter(q.openid)
	}
	f := s.faults.pick(path, q.openid, q.templateID)
	a := s.judge(q, e, f)
	s.calls.note(path, a, f)
	if path == SendPath {
		s.log(q, a, f)
	}
	if f != nil && !f.slow() {
		delay += f.Delay
	}
	here := wait(r.Context(), delay)
	// The call lasts as long as the server needs for it, however soon the client leaves; and it is
	// over before its answer can be read, so that who waits for the answer is never told 43108.
	leave(delay - time.Since(start))
	if here {
		f.deliver(w, r, a)
	}
}

// judge gives the answer that is about to be delivered, or spoiled by the fault.
func (s *Server) judge(q *request, e endpoint, f *Fault) answer {
	switch {
	case f == nil:
		return reply(e.answer(s, q))
	case f.Accepted:
		return f.replace(reply(e.answer(s, q)))
	default:
		return f.replace(answer{})
	}
}
