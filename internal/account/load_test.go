package account

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/submsg/submsg/internal/yamlfiles"
)

// good is an account without a mistake: name in line 1, channel 2, appid 3, secretFile 4.
const good = `name: shopA
channel: wechat
appid: wx0123456789abcdef
secretFile: shopA.secret
`

const aSecret = "0123456789abcdef0123456789abcdef"

// folder writes files, which others can't read, and the secret that good names.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	err := os.WriteFile(filepath.Join(dir, "shopA.secret"), []byte(aSecret+"\n"), 0o600)
	for name, content := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// mistakes hold what is changed in good, and everything that Load then says.
var mistakes = []struct {
	name, old, new string
	want           []string
}{
	{"unknown key", "appid:", "apid:", []string{`a.yaml:1: appid is missing: an account of wechat needs it`, `a.yaml:3: unknown key "apid"; did you mean appid?`}},
	{"unknown key unlike any", "channel: wechat", "channel: wechat\ncolour: x", []string{`a.yaml:3: unknown key "colour"`}},
	{"key twice", "secretFile: shopA.secret", "secretFile: shopA.secret\nname: b", []string{`a.yaml:5: name stands twice, first in line 1`}},
	{"no name", "name: shopA\n", "", []string{`a.yaml:1: name is missing`}},
	{"no channel", "channel: wechat\n", "", []string{`a.yaml:1: channel is missing`}},
	{"no appid", "appid: wx0123456789abcdef\n", "", []string{`a.yaml:1: appid is missing: an account of wechat needs it`}},
	{"no secret", "secretFile: shopA.secret\n", "", []string{`a.yaml:1: secretFile is missing: it names the file that the account's secret is in; or write secretEnv, the variable that holds it`}},
	{"name with a space", "shopA\nchannel", "shop A\nchannel", []string{`a.yaml:1: name "shop A": a name is 1 to 32 of A-Z a-z 0-9 _ - and begins with a letter or digit`}},
	{"name like a flag", "shopA\nchannel", "-a\nchannel", []string{`a.yaml:1: name "-a": a name is 1 to 32 of A-Z a-z 0-9 _ - and begins with a letter or digit`}},
	{"name like a pause", "shopA\nchannel", "\"*\"\nchannel", []string{`a.yaml:1: name "*": a name is 1 to 32 of A-Z a-z 0-9 _ - and begins with a letter or digit`}},
	{"name too long", "shopA\nchannel", strings.Repeat("a", 33) + "\nchannel", []string{`a.yaml:1: name "` + strings.Repeat("a", 33) + `": a name is 1 to 32 of A-Z a-z 0-9 _ - and begins with a letter or digit`}},
	{"name of a number", "shopA\nchannel", "2024\nchannel", []string{`a.yaml:1: name must be text, but is a number: write it in quotes if it is meant so`}},
	{"unknown channel", "wechat", "wechta", []string{`a.yaml:2: channel "wechta" is none of recorder, webhook, wechat; did you mean wechat?`}},
	{"appid with a space", "wx0123456789abcdef", `"wx0123456789abcdef "`, []string{`a.yaml:3: the WeChat appid holds a space, a line break or a character that is not printable ASCII`}},
	{"appid empty", "wx0123456789abcdef", `""`, []string{`a.yaml:3: the WeChat appid is empty`}},
	{"no such secret file", "shopA.secret", "secrets/a", []string{`a.yaml:4: secretFile: the file that it names, seen from the folder of accounts, can't be read: no such file or directory`}},
	{"the secret for its file", "shopA.secret", aSecret, []string{`a.yaml:4: secretFile: the file that it names, seen from the folder of accounts, can't be read: no such file or directory`}},
	{"secret file is a folder", "shopA.secret", ".", []string{`a.yaml:4: secretFile: the file that it names, seen from the folder of accounts, can't be read: it is not a regular file`}},
	{"secret file without end", "shopA.secret", "/dev/zero", []string{`a.yaml:4: secretFile: the file that it names, seen from the folder of accounts, can't be read: it is not a regular file`}},
	{"secret of two words", "shopA.secret", "a.yaml", []string{`a.yaml:4: the WeChat appsecret holds a space, a line break or a character that is not printable ASCII`}},
	{"secret of a number", "secretFile: shopA.secret", "secretFile: 12345", []string{`a.yaml:4: secretFile must be text, but is a number: write it in quotes if it is meant so`}},
	{"the secret for its variable", "secretFile: shopA.secret", "secretEnv: a" + aSecret, []string{`a.yaml:4: secretEnv: it names a variable of the environment, in capital letters, as in SHOP_A_SECRET`}},
	{"variable not set", "secretFile: shopA.secret", "secretEnv: SUBMSG_NO_SUCH_VARIABLE", []string{`a.yaml:4: secretEnv: the variable SUBMSG_NO_SUCH_VARIABLE is not set`}},
	{"two secrets", "secretFile: shopA.secret", "secretFile: shopA.secret\nsecret: x", []string{`a.yaml:5: secret: line 4 says secretFile already, and an account has one secret`}},
	{"url without a scheme", "secretFile", "url: api.weixin.qq.com\nsecretFile", []string{`a.yaml:4: the WeChat URL must be absolute, http://… or https://…`}},
	{"url to another machine", "secretFile", "url: http://example.com\nsecretFile", []string{`a.yaml:4: the WeChat URL is http:// to another machine, so that everybody between could read the AppSecret and the messages: make it https://, or set SUBMSG_WECHAT_ALLOW_HTTP=true where the network between is yours alone`}},
	{"rate of text", "secretFile", "rate: fast\nsecretFile", []string{`a.yaml:4: rate must be a number, but is text`}},
	{"rate in quotes", "secretFile", "rate: \"50\"\nsecretFile", []string{`a.yaml:4: rate must be a number, but is text`}},
	{"rate below 0", "secretFile", "rate: -1\nsecretFile", []string{`a.yaml:4: a rate of -1 messages per second: it must be 0 (no limit), or between one an hour and 100000 per second`}},
	{"rate without end", "secretFile", "rate: .inf\nsecretFile", []string{`a.yaml:4: a rate of +Inf messages per second: it must be 0 (no limit), or between one an hour and 100000 per second`}},
	{"rate of no number", "secretFile", "rate: .nan\nsecretFile", []string{`a.yaml:4: a rate of NaN messages per second: it must be 0 (no limit), or between one an hour and 100000 per second`}},
	{"senders below 1", "secretFile", "senders: 0\nsecretFile", []string{`a.yaml:4: senders is how many messages are sent at once: a whole number from 1 to 10000`}},
	{"half a sender", "secretFile", "senders: 1.5\nsecretFile", []string{`a.yaml:4: senders is how many messages are sent at once: a whole number from 1 to 10000`}},
	{"too many senders", "secretFile", "senders: 10001\nsecretFile", []string{`a.yaml:4: senders is how many messages are sent at once: a whole number from 1 to 10000`}},
	{"one person of text", "secretFile", "onePersonAtATime: perhaps\nsecretFile", []string{`a.yaml:4: onePersonAtATime must be true or false, but is text`}},
	{"appid of a list", "wx0123456789abcdef", "[a]", []string{`a.yaml:3: appid must be text, but is a list: write it in quotes if it is meant so`}},
	{"alias", "wx0123456789abcdef", "*x", []string{`a.yaml:3: appid must be text, but is a YAML alias, which no account uses: write it in quotes if it is meant so`}},
	{"two documents", "appid", "---\nappid", []string{`a.yaml:3: a second document begins: one file is one account`}},
	{"empty", good, "", []string{`a.yaml:1: the file is empty: it needs name and channel`}},
	{"a list", good, "- name: a", []string{`a.yaml:1: the file must be a mapping of keys to values, but is a list`}},
	{"too large", good, good + "#" + strings.Repeat("x", yamlfiles.MaxFile), []string{`a.yaml: is larger than 64 KiB; no account is`}},
	{"several at once", good, "name: a b\nchanel: wechat\nsenders: 0\n", []string{
		`a.yaml:1: channel is missing`, `a.yaml:1: name "a b": a name is 1 to 32 of A-Z a-z 0-9 _ - and begins with a letter or digit`,
		`a.yaml:2: unknown key "chanel"; did you mean channel?`, `a.yaml:3: senders is how many messages are sent at once: a whole number from 1 to 10000`}},
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(good, m.old) {
				t.Fatalf("%q does not stand in the good account", m.old)
			}
			dir := folder(t, map[string]string{"a.yaml": strings.Replace(good, m.old, m.new, 1)})
			wantMistakes(t, Source{Dir: dir}, m.want)
		})
	}
}

// wantMistakes compares what Load says, without the folder's name, which stands before it.
func wantMistakes(t *testing.T, s Source, want []string) {
	t.Helper()
	list, err := s.Load()
	if err == nil || list != nil {
		t.Fatalf("loaded: error %v", err)
	}
	said, ok := strings.CutPrefix(err.Error(), "accounts in "+s.Dir+": ")
	if diff := cmp.Diff(want, strings.Split(said, "\n")); diff != "" || !ok {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if strings.Contains(said, aSecret) {
		t.Errorf("the secret is told: %s", said)
	}
}

func TestMistakesAcrossFiles(t *testing.T) {
	t.Parallel()
	env := OfWeChat("wx9", aSecret, "https://api.weixin.qq.com")
	other := func(name, appid string) string {
		return strings.NewReplacer("name: shopA", "name: "+name, "wx0123456789abcdef", appid).Replace(good)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		env   *Account
		want  []string
	}{
		{"name twice", map[string]string{"a.yaml": good, "b.yaml": other("shopA", "wx2")}, nil, []string{`b.yaml:1: name "shopA" is already that of the account of a.yaml:1`}},
		{"appid twice", map[string]string{"a.yaml": good, "b.yaml": other("shopB", "wx0123456789abcdef")}, nil, []string{`b.yaml:3: appid "wx0123456789abcdef" is already that of the account of a.yaml:3`}},
		{"default twice", map[string]string{"a.yaml": other("default", "wx2")}, env, []string{`a.yaml:1: name "default" is already that of the account of SUBMSG_WECHAT_APPID`}},
		{"the variables' appid", map[string]string{"a.yaml": other("shopA", "wx9")}, env, []string{`a.yaml:3: appid "wx9" is already that of the account of SUBMSG_WECHAT_APPID`}},
		{"no file", nil, nil, []string{"the folder has no *.yaml file"}},
		{"another ending", map[string]string{"a.yml": good}, nil, []string{"a.yml: call it a.yaml: only *.yaml is read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source := Source{Dir: folder(t, tt.files), Default: tt.env, URL: "https://api.weixin.qq.com/"}
			wantMistakes(t, source, tt.want)
		})
	}
	if _, err := (Source{Dir: filepath.Join(t.TempDir(), "missing")}).Load(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}

func TestLoad(t *testing.T) {
	t.Setenv("SHOP_B_SECRET", "bbb")
	dir := folder(t, map[string]string{
		"a.yaml": good,
		"b.yaml": "name: shopB\nchannel: wechat\nappid: wx0123456789abcdef\nurl: http://127.0.0.1:1/\n" +
			"secretEnv: SHOP_B_SECRET\nrate: 0.5\nsenders: 3\nonePersonAtATime: false\n",
		"c.yaml":  "name: shopC\nchannel: wechat\nappid: wx3\nsecret: ccc\nrate: 50\n",
		".d.yaml": "an editor left it",
	})
	env := OfWeChat("wx9", "eee", "https://api.weixin.qq.com")
	list, err := Source{Dir: dir, Default: env, URL: "https://proxy.example"}.Load()
	if err != nil {
		t.Fatal(err)
	}
	var got []Account
	for _, a := range list {
		got = append(got, *a)
	}
	want := []Account{*env,
		{Name: "shopA", Channel: WeChat, AppID: "wx0123456789abcdef", Secret: aSecret, URL: "https://proxy.example",
			OnePersonAtATime: true, File: "a.yaml", SecretFile: filepath.Join(dir, "shopA.secret")},
		{Name: "shopB", Channel: WeChat, AppID: "wx0123456789abcdef", Secret: "bbb", URL: "http://127.0.0.1:1/",
			Rate: 0.5, Senders: 3, File: "b.yaml"},
		{Name: "shopC", Channel: WeChat, AppID: "wx3", Secret: "ccc", URL: "https://proxy.example", Rate: 50,
			OnePersonAtATime: true, File: "c.yaml"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	if said := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(said, aSecret) {
		t.Errorf("printing an account tells its secret: %s", said)
	}
}

// What is wrong with the account of the variables is told where accounts are loaded, too.
func TestMistakesOfTheVariables(t *testing.T) {
	t.Parallel()
	_, err := Source{Default: OfWeChat("wx 9", "e ee", "http://example.com")}.Load()
	if err == nil {
		t.Fatal("loaded")
	}
	for _, part := range []string{"account default, of SUBMSG_WECHAT_APPID: ", "the WeChat appid holds a space",
		"the WeChat appsecret holds a space", "the WeChat URL is http:// to another machine"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q isn't told: %v", part, err)
		}
	}
}

// A secret stands in a file itself only where nobody else can read that, or where somebody says that he may.
func TestSecretInTheFile(t *testing.T) {
	t.Parallel()
	content := strings.Replace(good, "secretFile: shopA.secret", "secret: "+aSecret, 1)
	dir := folder(t, map[string]string{"a.yaml": content})
	modes := map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o644: false, 0o660: false}
	for mode, fine := range modes {
		if err := os.Chmod(filepath.Join(dir, "a.yaml"), mode); err != nil {
			t.Fatal(err)
		}
		if !fine {
			wantMistakes(t, Source{Dir: dir}, []string{fmt.Sprintf("a.yaml:4: secret: the file's mode is %#o, so that "+
				"others may read the secret: chmod 600 it, or write secretFile or secretEnv in its place; "+
				"--secrets-in-files allows it as it is", mode)})
		}
		list, err := Source{Dir: dir, SecretsInFiles: !fine}.Load()
		if err != nil || list[0].Secret != aSecret {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

// FuzzLoad: no content of a file makes Load panic, report without a place, or make an account that is none.
func FuzzLoad(f *testing.F) {
	f.Add(good)
	for _, m := range mistakes {
		if len(m.new) < 200 {
			f.Add(strings.Replace(good, m.old, m.new, 1))
		}
	}
	f.Add("name: a\nchannel: wechat\nrate: 0x10\nsenders: 1_0\nonePersonAtATime: yes\nsecret: |\n  x\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content string) {
		lines := strings.Count(content, "\n") + strings.Count(content, "\r") + 1 // to YAML a lone \r ends a line
		d := Source{Dir: dir}.read(yamlfiles.File{Name: "a.yaml", Content: []byte(content), Mode: 0o600})
		for _, e := range d.Errs {
			if e.File != "a.yaml" || e.Reason == "" || e.Line < 1 || e.Line > lines {
				t.Fatalf("an error without its place: %#v", e)
			}
		}
		if a := d.account; len(d.Errs) == 0 && (!goodName.MatchString(a.Name) || channels[a.Channel].Open == nil ||
			a.Channel == WeChat && a.Secret == "" || a.Senders < 0 || a.Rate < 0) {
			t.Fatalf("account %+v of %q", a, content)
		}
	})
}
