package fakewechat

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// object is a JSON object read one level deep. Its keys are matched exactly, which a Go struct would
// not do. It is nil for anything that is no object.
type object map[string]json.RawMessage

func parseObject(raw []byte) object {
	var o object
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}

// text is the string under key, "" if it is absent or null; false if it is no string.
func (o object) text(key string) (string, bool) {
	raw, there := o[key]
	if !there || string(raw) == "null" {
		return "", true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil && utf8.Valid(raw)
}

// oneOf is the string under key, which must be one of the words; absent, it is the first.
func (o object) oneOf(key string, words ...string) (string, bool) {
	s, ok := o.text(key)
	if ok && s == "" {
		return words[0], true
	}
	return s, ok && slices.Contains(words, s)
}

var openidForm = regexp.MustCompile(`^o[A-Za-z0-9_-]{27}$`)

// receiver is the openid and the template of a subscribe/send, "" where there is none.
func (o object) receiver() (openid, templateID string) {
	if id, ok := o.text("touser"); ok && openidForm.MatchString(id) {
		openid = id
	}
	templateID, _ = o.text("template_id")
	return openid, templateID
}

type sendOK struct {
	status
	MsgID int64 `json:"msgid"`
}

// send checks in the order token, body, openid, template, page, data, permission, calls at once for
// one openid, quota. A call counts against the quota once its token is good, whatever its outcome.
func (s *Server) send(q *request) (any, *refusal) {
	if no := s.tokens.check(q.query); no != nil {
		return nil, no
	}
	over := s.quota.take(SendPath)
	if no := q.hasJSON(); no != nil {
		return nil, no
	}
	d, no := s.content(q)
	switch {
	case no != nil:
		return nil, no
	case !s.grants.has(d.OpenID, d.TemplateID):
		return nil, refuse(43101)
	case q.busy:
		return nil, refuse(43108)
	case over != nil:
		return nil, over
	case !s.grants.use(d.OpenID, d.TemplateID): // taken away since it was looked at
		return nil, refuse(43101)
	}
	return sendOK{fine, s.ledger.add(d)}, nil
}

// hasJSON refuses a body that is empty, too long, or not one JSON object.
func (q *request) hasJSON() *refusal {
	switch {
	case len(q.body) == 0:
		return refuse(44002)
	case q.tooLong || q.json == nil:
		return refuse(47001)
	}
	return nil
}

// content is the message as its receiver would see it.
func (s *Server) content(q *request) (d delivery, no *refusal) {
	d.OpenID, d.TemplateID = q.openid, q.templateID
	if d.OpenID == "" {
		return d, refuse(40003)
	}
	t, known := s.o.Templates().Find(d.TemplateID)
	if !known || t.ID != d.TemplateID { // Find knows names too, WeChat does not
		return d, refuse(40037)
	}
	d.template = t
	var ok bool
	if d.Page, ok = q.json.text("page"); !ok || !pageOK(d.Page) {
		return d, refuse(41030)
	}
	if d.State, ok = q.json.oneOf("miniprogram_state", "formal", "developer", "trial"); !ok {
		return d, refuse(40097)
	}
	if d.Lang, ok = q.json.oneOf("lang", "zh_CN", "en_US", "zh_HK", "zh_TW"); !ok {
		return d, refuse(40097)
	}
	d.values, no = values(parseObject(q.json["data"]), t.Fields)
	return d, no
}

// pageOK lets only a page of the mini-program itself through: a path, perhaps with a query. Which
// pages were released is not known here.
func pageOK(page string) bool {
	path, _, query := strings.Cut(page, "?")
	return !strings.ContainsFunc(page, unicode.IsControl) &&
		!(path == "" && query) &&
		!strings.HasPrefix(path, "//") &&
		!strings.ContainsRune(path, ':') &&
		!strings.ContainsFunc(path, unicode.IsSpace)
}
