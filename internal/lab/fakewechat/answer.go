package fakewechat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// errmsgs are WeChat's texts by errcode, from its general return codes and from what was seen in
// answers. A fault with one of these codes needs no text of its own.
var errmsgs = map[int]string{
	-1:    "system error",
	40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
	40002: "invalid grant_type",
	40003: "invalid openid",
	40013: "invalid appid",
	40014: "invalid access_token",
	40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
	40037: "invalid template_id",
	40066: "invalid url",
	40097: "invalid args",
	40125: "invalid appsecret",
	40164: "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
	40243: "AppSecret frozen",
	41001: "access_token missing",
	41002: "appid missing",
	41004: "appsecret missing",
	41030: "invalid page",
	42001: "access_token expired",
	43001: "require GET method",
	43002: "require POST method",
	43101: "user refuse to accept the msg",
	43102: "the tpl is not a subscribe message tpl",
	43104: "the api has no permission for this appid",
	43107: "subscribe message ability is banned",
	43108: "Cannot make concurrent calls to the same OpenID, please try again",
	44002: "empty post data",
	45009: "reach max api daily quota limit",
	45011: "api minute-quota reach limit mustslower retry next minute",
	45168: "keyword in blacklist",
	47001: "data format error",
	48001: "api unauthorized",
	48004: "api forbidden for irregular activities",
	48006: "forbid to clear quota because of reaching the limit",
	50007: "account frozen",
	76021: "cgi_path not found, please check",
	76022: "could not use this cgi_path, no permission",
	89503: "the ip waits for the admin's confirmation",
}

// refusal is a business error of WeChat's.
type refusal struct {
	code int
	msg  string
}

func refuse(code int) *refusal { return &refusal{code, errmsgs[code]} }

// argument refuses one value: what is "is empty" or "invalid".
func argument(key, what string) *refusal {
	return &refusal{47003, "argument invalid! data." + key + ".value " + what}
}

// cutAt is where subscribe/send was seen to cut the text of a 47003, in characters.
const cutAt = 48

// text is the errmsg as it stands in an answer: cut where WeChat cuts it, and with a request id.
func (r *refusal) text() string {
	msg := []rune(r.msg)
	if r.code == 47003 && len(msg) > cutAt {
		msg = msg[:cutAt]
	}
	return fmt.Sprintf("%s rid: %08x-%08x-%08x", strings.TrimRight(string(msg), " "),
		uint32(time.Now().Unix()), rand.Uint32(), rand.Uint32())
}

// answer is an HTTP 200 with JSON. A business error is one too.
type answer struct {
	code int    // errcode
	msg  string // errmsg of a refusal, with its rid
	body []byte // nil if nothing was judged
}

type status struct {
	ErrCode int    `json:"errcode"`
	ErrMsg  string `json:"errmsg"`
}

var fine = status{0, "ok"}

func reply(body any, no *refusal) answer {
	if no == nil {
		return answer{body: encode(body)}
	}
	st := status{no.code, no.text()}
	return answer{code: no.code, msg: st.ErrMsg, body: encode(st)}
}

// encode writes < and & as they are, as WeChat does.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		// Only values of this package come here, and all of them can be encoded.
		return fmt.Appendf(nil, `{"errcode":-1,"errmsg":"system error"}`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (a answer) write(w http.ResponseWriter) {
	a.head(w)
	w.Write(a.body)
}

func (a answer) head(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; encoding=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
}

// wait reports whether the client was still there at the end.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
