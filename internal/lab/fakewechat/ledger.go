package fakewechat

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/submsg/submsg/templates"
)

// Sent is one accepted send. Data holds the values of the template's keys.
type Sent struct {
	Time       time.Time         `json:"time"`
	MsgID      int64             `json:"msgid"`
	AppID      string            `json:"appid"` // the account whose token it was sent with
	OpenID     string            `json:"openid"`
	TemplateID string            `json:"templateId"`
	Page       string            `json:"page"`
	State      string            `json:"miniprogramState"`
	Lang       string            `json:"lang"`
	Data       map[string]string `json:"data"`
}

// delivery is a message about to be accepted: Data is in values, in the template's order.
type delivery struct {
	Sent
	template *templates.Template
	values   []string
}

// ledger is the truth about what was accepted. It is written before the answer is.
type ledger struct {
	mu      sync.Mutex
	now     func() time.Time
	msgID   *atomic.Int64 // the last one; all accounts of a platform share it
	records []record
}

// record is a Sent in about 200 bytes, since a load test leaves hundreds of thousands of them.
type record struct {
	time     int64 // Unix, ns
	msgID    int64
	template *templates.Template
	text     string // openid, page, state, lang and the values, joined by separator
}

// separator is a control character, which no accepted value holds.
const separator = "\x00"

// init begins the msgids above 2^53, and above those of any server started before.
func (l *ledger) init(now func() time.Time) {
	l.now = now
	l.msgID = new(atomic.Int64)
	l.msgID.Store(max(now().UnixNano(), 1<<60))
}

// add appends and returns the new msgid, greater than all before.
func (l *ledger) add(d delivery) int64 {
	text := strings.Join(append([]string{d.OpenID, d.Page, d.State, d.Lang}, d.values...), separator)
	l.mu.Lock()
	defer l.mu.Unlock()
	msgID := l.msgID.Add(1)
	l.records = append(l.records, record{l.now().UnixNano(), msgID, d.template, text})
	return msgID
}

// all is a view of the records so far: they are only ever appended to.
func (l *ledger) all() []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.records)
}

func (r record) sent(appID string) Sent {
	text := strings.Split(r.text, separator)
	data := make(map[string]string, len(r.template.Fields))
	for i, f := range r.template.Fields {
		data[f.Key] = text[4+i]
	}
	return Sent{time.Unix(0, r.time).UTC(), r.msgID, appID, text[0], r.template.ID, text[1], text[2], text[3], data}
}

// Sent is every accepted send so far, in the order in which they were accepted.
func (s *Server) Sent() []Sent {
	records := s.ledger.all()
	sent := make([]Sent, len(records))
	for i, r := range records {
		sent[i] = r.sent(s.o.AppID)
	}
	return sent
}
