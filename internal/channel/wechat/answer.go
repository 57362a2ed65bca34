package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// answer is WeChat's JSON: {"errcode":0,"errmsg":"ok","msgid":1988810812324364291}.
type answer struct {
	code  int32
	msg   string // without its rid
	rid   string // the request's id, 7 days of use to WeChat's support; "" if none
	msgID int64
}

// parseAnswer takes errcode strictly, because everything hangs on it: an integer, once. A msgid that is no integer
// is no reason to doubt an errcode of 0.
func parseAnswer(body []byte) (answer, error) {
	fields, err := parseObject(body)
	if err != nil {
		return answer{}, err
	}
	code, err := strconv.ParseInt(string(fields["errcode"]), 10, 32)
	if err != nil {
		return answer{}, errors.New("the answer has no integer errcode")
	}
	a := answer{code: int32(code)}
	a.msg, a.rid = cutRID(textOf(fields["errmsg"]))
	a.msgID, _ = strconv.ParseInt(textOf(fields["msgid"]), 10, 64)
	return a, nil
}

// parseObject reads one JSON object and nothing after it. Unlike json.Unmarshal it tells ErrCode from errcode, and
// refuses an object that says a thing twice.
func parseObject(body []byte) (map[string]json.RawMessage, error) {
	rest, object := bytes.CutPrefix(bytes.TrimSpace(body), []byte("{"))
	if !object || !json.Valid(body) {
		return nil, errors.New("the answer is not one whole JSON object")
	}
	fields := make(map[string]json.RawMessage, 4)
	for rest = bytes.TrimSpace(rest); rest[0] != '}'; {
		var key, value []byte
		key, rest = cutValue(rest)
		value, rest = cutValue(rest[1:])
		name := textOf(key)
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

// textOf is a JSON string's text, or any other value as it is written; null is no text.
func textOf(raw json.RawMessage) string {
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
	if len(rid) > 40 || strings.ContainsFunc(rid, func(r rune) bool { return !strings.ContainsRune(hex+"-", r) }) {
		return msg, ""
	}
	return strings.TrimSpace(msg[:i]), rid
}
