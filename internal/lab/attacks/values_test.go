package attacks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel/wechat"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
	"github.com/submsg/submsg/templates"
)

// What is private in the messages of these tests: no text may hold four bytes of it.
const (
	privateWord   = "密kanari约"
	privateNumber = "8613579246801357924680"
	privateOpenID = "oKANARI5EFgh1JKlmnOPqrStuVwx"
	privatePage   = "pages/kanari?who=" + privateNumber
)

// repeats returns the part of a private text that another text repeats, "" for none.
func repeats(text string) string {
	for _, escaped := range []string{"%e5%af%86", "%E5%AF%86", `\u5bc6`} { // 密
		if strings.Contains(text, escaped) {
			return escaped
		}
	}
	for _, private := range []string{privateWord, privateNumber, "KANARI5EFgh1JKlmnOPqrStuVwx", "/kanari?who="} {
		for i := 0; i+4 <= len(private); i++ {
			if strings.Contains(text, private[i:i+4]) {
				return private[i : i+4]
			}
		}
	}
	return ""
}

var wechatTypes = []fields.Type{fields.Thing, fields.Number, fields.Letter, fields.Symbol,
	fields.CharacterString, fields.Time, fields.Date, fields.Amount, fields.PhoneNumber,
	fields.CarNumber, fields.Name, fields.Phrase, fields.Enum}

// The reason why a message can't be rendered holds nothing of its values, whatever the type, the place and the mistake.
func TestRenderingRepeatsNoValue(t *testing.T) {
	t.Parallel()
	values := []string{privateWord, privateNumber, strings.Repeat(privateWord, 9), privateWord + "\n",
		privateNumber + "\x00", privateWord + "\xff", "12元" + privateWord, "2026-13-41 " + privateNumber}
	pages := []string{"", privatePage, privatePage + "\n", "https:" + privatePage, "//" + privatePage,
		"../" + privatePage, privatePage + "\xff", strings.Repeat(privatePage, 40)}
	for _, kind := range wechatTypes {
		refused := 0
		for _, data := range []string{"{v}", "{v}{w}", "{w}{v}{w}"} {
			show := "data:\n  " + string(kind) + `1: "` + data + "\"\n"
			if kind == fields.Enum {
				show = "data:\n  " + string(kind) + `1: {value: "` + data + `", values: [a, b]}` + "\n"
			}
			c := load(t, "id: i\nname: n\nparams: [v, _]\n"+strings.ReplaceAll(show, "{w}", "{v}"))
			if strings.Contains(data, "{w}") {
				c = load(t, "id: i\nname: n\nparams: [v, w]\n"+show)
			}
			found, _ := c.Find("n")
			for _, value := range values {
				for _, page := range pages {
					for _, params := range [][]string{{value, "1"}, {"1", value}, {value}, {value, value, value}} {
						_, err := found.Render(params, page)
						if err == nil {
							continue
						}
						refused++
						if part := repeats(err.Error()); part != "" {
							t.Errorf("%s %s, %q: %q stands in %q", kind, data, value, part, err)
						}
					}
				}
			}
		}
		if refused < 100 {
			t.Errorf("%s: only %d refused", kind, refused)
		}
	}
}

func load(t *testing.T, files ...string) *templates.Catalogue {
	t.Helper()
	all := fstest.MapFS{}
	for i, f := range files {
		all[fmt.Sprintf("t%d.yaml", i)] = &fstest.MapFile{Data: []byte(f)}
	}
	c, err := fields.Load(all)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// parrot is a WeChat whose words repeat what it was sent. A message's openid tells what it answers: its last part is an
// errcode, or the name of another trouble.
type parrot struct {
	how func(body string) string
}

const parrotToken, parrotSecret = "TOKEN-canary/91_AAa+bb==", "Secret-canary/7f3a"

func (p parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "stable_token") {
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":7200}`, parrotToken)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var sent struct {
		ToUser string `json:"touser"`
	}
	_ = json.Unmarshal(body, &sent)
	words := p.how(string(body)+" "+r.URL.Query().Get("access_token")) + " "
	answer := sent.ToUser[strings.LastIndex(sent.ToUser, "/")+1:]
	switch code, err := strconv.Atoi(answer); {
	case err == nil:
		said, _ := json.Marshal(words + " data." + privateWord + " data.kanari7924680 rid: 6472dfd0-536f4e2c-16f28abc")
		fmt.Fprintf(w, `{"errcode":%d,"errmsg":%s}`, code, said)
	case answer == "http":
		http.Error(w, words, http.StatusBadGateway)
	case answer == "json":
		fmt.Fprintf(w, `{"errcode":%q}`, words)
	default: // no HTTP at all
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%s\r\n\r\n", words, words)
			conn.Close()
		}
	}
}

// parrots are the ways in which words may be repeated.
var parrots = map[string]func(string) string{
	"as they are":           func(s string) string { return s },
	"the values":            func(string) string { return privateWord + "," + privateNumber + "," + privateOpenID },
	"in a URL":              url.QueryEscape,
	"in lower case escapes": func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
	"in ASCII":              strconv.QuoteToASCII,
	"cut":                   func(s string) string { return s[len(`{"touser":"oKAN`):][:120] },
	"from the middle": func(s string) string {
		_, after, _ := strings.Cut(s, `"data"`)
		return after[:min(len(after), 60)]
	},
}

func toParrot(t *testing.T, url string, c *templates.Catalogue, log *logrus.Logger) *wechat.Sender {
	t.Helper()
	sender, err := wechat.New(wechat.Config{BaseURL: url, AppID: "wx0123456789abcdef", Secret: parrotSecret,
		Templates: func() *templates.Catalogue { return c }, Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

// troubles are the answers that parrot knows.
func troubles() []string {
	all := []string{"0", "99999", "http", "json", "garbage"}
	for _, code := range slices.Sorted(maps.Keys(explain.WeChat)) {
		all = append(all, strconv.Itoa(int(code)))
	}
	return all
}

const parrotTemplate = "id: i\nname: n\nparams: [v, w]\npage: \"pages/index?v={w}\"\ndata:\n" +
	"  thing1: \"{v}\"\n  character_string2: \"{w}\"\n"

// Whatever WeChat answers, and whatever of the message its words repeat: nothing of it gets into the verdict's text,
// which everybody reads who may read sendStatusMsg, nor into the log.
func TestWeChatsWordsRepeatNoValue(t *testing.T) {
	t.Parallel()
	c := load(t, parrotTemplate)
	for how, repeat := range parrots {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(parrot{repeat})
			defer server.Close()
			var logged bytes.Buffer
			log := logrus.New()
			log.SetOutput(&logged)
			log.SetLevel(logrus.TraceLevel)
			for _, trouble := range troubles() {
				// Each has a sender of its own, because some troubles take the token away.
				sender := toParrot(t, server.URL, c, log)
				v := sender.Send(t.Context(), outbox.Claimed{ID: 1, OpenID: privateOpenID + "/" + trouble,
					TemplateID: "n", Attempt: 1, Params: []string{privateWord, privateNumber}, Page: privatePage})
				sender.Close()
				if v.Code != nil && strconv.Itoa(int(*v.Code)) != trouble || v.Text == "" {
					t.Errorf("%s: %+v", trouble, v)
				}
				secrets := among(v.Text, parrotToken) + among(v.Text, parrotSecret)
				for _, part := range []string{repeats(v.Text), secrets} {
					if part != "" {
						t.Errorf("%s: %q stands in %q", trouble, part, v.Text)
					}
				}
			}
			all := logged.String() // where eight bytes are none of a time or a duration by chance
			said := among(all, privateWord) + among(all, privateNumber) + among(all, privateOpenID)
			if said != "" || all == "" {
				t.Errorf("%q stands in the log", said)
			}
		})
	}
}

// among returns the first run of eight bytes of a secret that stands in a text.
func among(text, secret string) string {
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+8]) {
			return secret[i : i+8]
		}
	}
	return ""
}
