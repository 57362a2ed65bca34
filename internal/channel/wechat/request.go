package wechat

import (
	"unicode/utf8"

	"github.com/submsg/submsg/templates"
)

// usualRequest is more than most requests have, in bytes.
const usualRequest = 512

// appendRequest appends the body of subscribe/send. It is written by hand, because a payload's items keep their order,
// and because encoding/json's escapes of <, > and & would only lengthen them.
func appendRequest(b []byte, openid string, p templates.Payload) []byte {
	b = appendString(append(b, `{"touser":`...), openid)
	b = appendString(append(b, `,"template_id":`...), p.TemplateID)
	if p.Page != "" {
		b = appendString(append(b, `,"page":`...), p.Page)
	}
	b = append(b, `,"data":{`...)
	for i, item := range p.Data {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, item.Key)
		b = appendString(append(b, `:{"value":`...), item.Value)
		b = append(b, '}')
	}
	b = appendString(append(b, `},"miniprogram_state":`...), p.MiniprogramState)
	b = appendString(append(b, `,"lang":`...), p.Lang)
	return append(b, '}')
}

const hex = "0123456789abcdef"

// appendString appends s as a JSON string (RFC 8259 §7). What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
