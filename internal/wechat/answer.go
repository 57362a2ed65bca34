package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
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
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("the answer is not a JSON object")
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, errors.New("the answer is broken JSON")
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errors.New("the answer is broken JSON")
		}
		name := key.(string) // the decoder lets nothing else be a key
		if _, twice := fields[name]; twice {
			return nil, errors.New("the answer says a thing twice")
		}
		fields[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("the answer is cut off")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the answer goes on after its end")
	}
	return fields, nil
}

// textOf is a JSON string's text, or any other value as it is written.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
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
