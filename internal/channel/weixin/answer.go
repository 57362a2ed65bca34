package weixin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Answer is WeChat's JSON: {"errcode":0,"errmsg":"ok","msgid":1988810812324364291}.
type Answer struct {
	Code  int32  // errcode, 0 for success
	Msg   string // errmsg without its rid
	RID   string // the request's id, of use to WeChat's support for 7 days; "" if none
	MsgID int64  // msgid; 0 if none
}

// ParseAnswer reads an answer. It takes errcode strictly, because everything hangs on it: an integer, once. A msgid
// that is no integer is no reason to doubt an errcode of 0.
func ParseAnswer(body []byte) (Answer, error) {
	fields, err := ParseObject(body)
	if err != nil {
		return Answer{}, err
	}
	code, err := strconv.ParseInt(string(fields["errcode"]), 10, 32)
	if err != nil {
		return Answer{}, errors.New("the answer has no integer errcode")
	}
	a := Answer{Code: int32(code)}
	a.Msg, a.RID = cutRID(TextOf(fields["errmsg"]))
	a.MsgID, _ = strconv.ParseInt(TextOf(fields["msgid"]), 10, 64)
	return a, nil
}

// Words is the answer as it goes behind a text: "43101 user refuse to accept the msg rid: …". hide takes the secrets
// out of WeChat's own words.
func (a Answer) Words(hide func(string) string) string {
	words := fmt.Sprintf("%d %s", a.Code, Shorten(hide(a.Msg), maxDetails-60))
	if a.RID != "" {
		words += " rid: " + a.RID
	}
	return words
}

// ParseObject reads one JSON object and nothing after it: its members by their names, each as it is written. Unlike
// json.Unmarshal it tells ErrCode from errcode, and refuses an object that says a thing twice.
func ParseObject(body []byte) (map[string]json.RawMessage, error) {
	rest, object := bytes.CutPrefix(bytes.TrimSpace(body), []byte("{"))
	if !object || !json.Valid(body) {
		return nil, errors.New("the answer is not one whole JSON object")
	}
	fields := make(map[string]json.RawMessage, 4)
	for rest = bytes.TrimSpace(rest); rest[0] != '}'; {
		var key, value []byte
		key, rest = cutValue(rest)
		value, rest = cutValue(rest[1:])
		name := TextOf(key)
		if _, twice := fields[name]; twice {
			return nil, errors.New("the answer says a thing twice")
		}
		fields[name] = value
		rest = bytes.TrimPrefix(rest, []byte(","))
	}
	return fields, nil
}

// cutValue splits valid JSON behind its first value, at the colon, comma or bracket that ends it.
func cutValue(b []byte) (value, rest []byte) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ':' || c == ',' || c == '}'):
			return bytes.TrimSpace(b[:i]), b[i:]
		case c == '}' || c == ']':
			depth--
		}
	}
	return b, nil
}

// TextOf is a JSON string's text, or any other value as it is written; null is no text.
func TextOf(raw json.RawMessage) string {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return ""
	case raw[0] != '"':
		return string(raw)
	case bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw):
		return string(raw[1 : len(raw)-1])
	}
	var text string
	_ = json.Unmarshal(raw, &text) // it is a string
	return text
}

// cutRID splits "invalid openid rid: 6472dfd0-536f4e2c-16f28abc".
func cutRID(msg string) (text, rid string) {
	i := strings.LastIndex(msg, "rid: ")
	if i < 0 {
		return msg, ""
	}
	rid = strings.TrimSpace(msg[i+len("rid: "):])
	if len(rid) > 40 ||
		strings.ContainsFunc(rid, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef-", r) }) {
		return msg, ""
	}
	return strings.TrimSpace(msg[:i]), rid
}
