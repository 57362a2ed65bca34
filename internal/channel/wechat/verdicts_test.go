package wechat

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

// documented is the list of errcodes of the domain study: codes, reach and action of each. Actions: retry, permanent,
// wait (no attempt is spent), pause (the template), stop (the account), token (refresh once, then stop).
const documented = `
-1                                        account  retry
20001 200001                              account  retry
20002 200002                              message  permanent
40001 40014 42001 41001                   token    token
40002 40013 40125 41002 41004 43002       account  stop
40243 50004 50007                         account  stop
40164                                     account  stop
89501 89503 89506 89507                   account  stop
40003                                     user     permanent
40037                                     template pause
41030                                     message  permanent
43101                                     user     permanent
43102                                     template pause
43104 43106                               account  stop
43107                                     account  stop
43108                                     user     retry
43116                                     template pause
43117                                     user     retry
44002 47001 47002 40033                   message  permanent
45009                                     account  stop
45011                                     account  stop
45012 45013 45014                         message  permanent
45102 45501                               account  stop
45109                                     account  stop
45168                                     message  permanent
47003                                     message  permanent
48001 48008                               account  stop
48004                                     account  stop
48006                                     account  stop
40249                                     message  permanent
43004 48002 50002                         user     permanent
`

func TestEveryDocumentedCode(t *testing.T) {
	reaches := map[string]reach{"message": message, "user": message, "template": template, "account": account,
		"token": account}
	outcomes := map[string]outbox.Outcome{
		"retry": later, "wait": halt, "permanent": refused, "pause": halt, "stop": halt, "token": halt,
	}
	seen := map[int32]bool{}
	for line := range strings.Lines(strings.TrimSpace(documented)) {
		words := strings.Fields(line)
		who, action := words[len(words)-2], words[len(words)-1]
		for _, word := range words[:len(words)-2] {
			n, err := strconv.ParseInt(word, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			code := int32(n)
			seen[code] = true
			_, j, listed := judgementOf(code)
			if !listed || j.reach != reaches[who] || j.outcome != outcomes[action] {
				t.Errorf("%d is %+v (listed: %v), want %s %s", code, j, listed, who, action)
			}
			checkVerdict(t, code, who, outcomes[action])
		}
	}
	for code := range explain.WeChat {
		if !seen[code] {
			t.Errorf("%d has words, but is not documented", code)
		}
	}
	for code := range judgements {
		if !seen[code] {
			t.Errorf("%d is judged, but not documented", code)
		}
	}
}

// An errcode that is judged without words would be taken for an unlisted one.
func TestEveryJudgementHasWords(t *testing.T) {
	for code := range judgements {
		if _, ok := explain.WeChat[code]; !ok {
			t.Errorf("%d has no words in explain.WeChat", code)
		}
	}
}

func TestEveryFindingHasWords(t *testing.T) {
	findings := slices.Collect(maps.Values(statuses))
	findings = append(findings, clientError, templateMissing, templateMismatch, unreachable, answerMissing,
		answerMissingResend, resendUncertain)
	for _, f := range findings {
		if v := f.verdict("details"); v.Kind == "" || !hasHan(v.Text) || !strings.HasSuffix(v.Text, " (details)") {
			t.Errorf("%+v", v)
		}
	}
}

func hasHan(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// checkVerdict judges an answer with that code as a send would.
func checkVerdict(t *testing.T, code int32, who string, want outbox.Outcome) {
	t.Helper()
	const rid = "6472dfd0-536f4e2c-16f28abc"
	v, rejected := judgeBody(t, claim(), fmt.Sprintf(`{"errcode":%d,"errmsg":"what WeChat said rid: %s"}`, code, rid))
	stops := map[string][]string{
		"template": {orderID, "orderStatus"}, "account": {outbox.WholeAccount}, "token": {outbox.WholeAccount},
	}[who]
	if v.Outcome != want || *v.Code != code || rejected != (who == "token") || !slices.Equal(v.Stops, stops) {
		t.Errorf("%d: %v code %d stops %q rejected %v, want %v stops %q",
			code, v.Outcome, *v.Code, v.Stops, rejected, want, stops)
	}
	if !strings.HasSuffix(v.Text, fmt.Sprintf(" (%d what WeChat said rid: %s)", code, rid)) || !hasHan(v.Text) {
		t.Errorf("%d: text %q", code, v.Text)
	}
	if v.After != 0 && v.Outcome != later && v.Outcome != halt {
		t.Errorf("%d: After %v means nothing with %v", code, v.After, v.Outcome)
	}
}

func render(t testing.TB, c outbox.Claimed) rendered {
	t.Helper()
	found, ok := catalogue(t).Find(c.TemplateID)
	if !ok {
		t.Fatalf("no template %s", c.TemplateID)
	}
	p, err := found.Render(c.Params, c.Page)
	if err != nil {
		t.Fatal(err)
	}
	return rendered{c, found, p}
}

func judgeBody(t testing.TB, c outbox.Claimed, body string) (outbox.Verdict, bool) {
	t.Helper()
	return render(t, c).judge(wire.Reply{Status: 200, Body: []byte(body), Left: true}, hider(t))
}

func TestVerdicts(t *testing.T) {
	code := func(n int32) *int32 { return &n }
	everybody := []string{outbox.WholeAccount}
	for _, tt := range []struct {
		name string
		c    outbox.Claimed
		body string
		want outbox.Verdict
	}{
		{"accepted", claim(), accepted, outbox.Verdict{Outcome: outbox.Accepted, Code: code(0), Text: "ok", MsgID: 1988810812324364291}},
		{"msgid as text", claim(), `{"errcode":0,"errmsg":"ok","msgid":"1988810812324364291"}`,
			outbox.Verdict{Outcome: outbox.Accepted, Code: code(0), Text: "ok", MsgID: 1988810812324364291}},
		{"without msgid", claim(), `{"errcode":0,"errmsg":"ok"}`, outbox.Verdict{Outcome: outbox.Accepted, Code: code(0), Text: "ok"}},
		{"no permission", claim(), `{"errcode":43101,"errmsg":"user refuse to accept the msg rid: 6472dfd0-536f4e2c-16f28abc"}`,
			outbox.Verdict{Outcome: outbox.Refused, Code: code(43101), Personal: true,
				Text: "用户未授权或授权次数已用完：请引导用户再次订阅；在此之前重发仍会失败 (43101 user refuse to accept the msg rid: 6472dfd0-536f4e2c-16f28abc)"}},
		{"no permission, first try of a resend template", claimAgain(1), `{"errcode":43101,"errmsg":"no"}`,
			outbox.Verdict{Outcome: outbox.Refused, Code: code(43101), Personal: true,
				Text: "用户未授权或授权次数已用完：请引导用户再次订阅；在此之前重发仍会失败 (43101 no)"}},
		{"no permission, second try of a resend template", claimAgain(2), `{"errcode":43101,"errmsg":"no"}`,
			outbox.Verdict{Outcome: outbox.Unknown, Code: code(43101), Kind: "resend-uncertain",
				Text: "重发时授权已用完，前一次可能已经送达：请向用户核实，已收到的改为 success (43101 no)"}},
		{"parallel", claim(), `{"errcode":43108,"errmsg":"no"}`,
			outbox.Verdict{Outcome: outbox.Later, Code: code(43108), Trouble: outbox.PersonBusy,
				Text: "同一用户正有另一条消息在发送：submsg 会自动重试约一小时；仍失败时请查找还有哪个系统也在给该用户发消息，再重发 (43108 no)"}},
		{"too often", claim(), `{"errcode":43117,"errmsg":"no"}`,
			outbox.Verdict{Outcome: outbox.Later, Code: code(43117),
				Text: "给该用户发送过于频繁：submsg 会自动重试；仍失败时请稍后重发 (43117 no)", After: 10 * time.Minute}},
		{"busy", claim(), `{"errcode":-1,"errmsg":"system error"}`,
			outbox.Verdict{Outcome: outbox.Later, Code: code(-1), Trouble: outbox.Busy,
				Text: "微信系统繁忙：submsg 会自动重试；仍失败时请稍后重发 (-1 system error)", Stops: everybody}},
		{"strange", claim(), `{"errcode":99999,"errmsg":"news"}`,
			outbox.Verdict{Outcome: outbox.Later, Code: code(99999),
				Text: "微信返回了未收录的错误码：submsg 会再试几次；仍失败时请查阅微信文档中的错误码后再决定 (99999 news)", Tries: 5}},
		{"bad value", claim(), `{"errcode":47003,"errmsg":"argument invalid! data.amount3.value is empty rid: 6472dfd0-536f4e2c-16f28abc"}`,
			outbox.Verdict{Outcome: outbox.Refused, Code: code(47003),
				Text: "第 2 个参数 goodsPrice（amount3）不符合模板要求：请修改 parameterArr 后重发" +
					" (47003 argument invalid! data.amount3.value is empty rid: 6472dfd0-536f4e2c-16f28abc)"}},
		{"bad value, cut", claim(), `{"errcode":47003,"errmsg":"argument invalid! data.thing11.val"}`,
			outbox.Verdict{Outcome: outbox.Refused, Code: code(47003),
				Text: "第 3 个参数 orderStatus（thing11）不符合模板要求：请修改 parameterArr 后重发" +
					" (47003 argument invalid! data.thing11.val)"}},
		{"a key that the template lacks", claim(), `{"errcode":47003,"errmsg":"argument invalid! data.thing99.value is empty"}`,
			outbox.Verdict{Outcome: outbox.Refused, Code: code(47003), Text: "参数不符合模板要求：请修改 parameterArr 后重发" +
				" (47003 argument invalid! data.thing99.value is empty)"}},
		{"control characters", claim(), `{"errcode":40003,"errmsg":"a\u0000b\nc"}`,
			outbox.Verdict{Outcome: outbox.Refused, Code: code(40003),
				Text: "openid 无效：请确认它属于本小程序，改正后重发 (40003 a b c)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := judgeBody(t, tt.c, tt.body)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLongWordsKeepTheirRID(t *testing.T) {
	v, _ := judgeBody(t, claim(),
		`{"errcode":47001,"errmsg":"`+strings.Repeat("长", 5000)+` rid: 6472dfd0-536f4e2c-16f28abc"}`)
	if n := len([]rune(v.Text)); n > 300 || !strings.HasSuffix(v.Text, "… rid: 6472dfd0-536f4e2c-16f28abc)") {
		t.Errorf("%d characters: %s", n, v.Text)
	}
}
