package attacks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// accountFiles hold a secret each, at the right place or at a wrong one, and something that is no account.
func accountFiles(t *testing.T) (all []string) {
	head := "name: shop\nchannel: wechat\nappid: wx1\n"
	for _, rest := range []string{
		"secret: S", "secret: S\nsecretFile: S", "secretFile: S\nsecret: S\nsecretEnv: S", "secretFile: S", "secretFile: ../S/S",
		"secretFile: " + fileOf(t, canary+"\x00"), "secretFile: " + fileOf(t, strings.Repeat(canary, 1000)), "secretEnv: S", "secretEnv: ${S}",
		"secret: [S]", "secret: {S: S}", "secret: {S}", "secret: &S S", "secret: *S", "secret: !!S S", "secret: \"S\\q\"", "secret: 'S",
		"secret: |\n  S\n   S\n S", "secret S", "secret:S", "secret=S", "secret=S: S", "S: S", "S:\nS:", "? S\n: S", "[S]: S", "- S", "S",
		"*S : x", "!!S x: y", "<<: S", "<<: {S: S}", "%S", "--- S", "secret: S\n---\nS", "secret: S\nsecret: S", "\tsecret: S", "@S", "`S",
		"url: https://S@S.example", "url: https://u:S@example.com", "url: https://example.com/?S", "url: S", "rate: S", "senders: S",
		"onePersonAtATime: S", "secret: S\nurl: http://S.example", "secret: S S", "secret: S\u5bc6", "name: S", "channel: S", "appid: S",
	} {
		for _, secret := range []string{canary, half + other} {
			all = append(all, head+strings.ReplaceAll(rest, "S", secret)+"\n")
		}
	}
	return append(all, "channel: "+half+other+"\n", "appid: "+canary+"\n", canary, half+other,
		"name: shop\nchannel: "+canary)
}

// Whatever is wrong with the file of an account, no command tells a part of its secret, nor of one at a wrong place.
func TestSecretsInAccountFiles(t *testing.T) {
	t.Parallel()
	refused := 0
	for n, content := range accountFiles(t) {
		dir := t.TempDir()
		mode := os.FileMode(0o600 + n%2*0o044) // one in two may be read by others
		if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		args := [][]string{{"accounts", "list"}, {"accounts", "check"}, {"templates", "check"},
			{"doctor", "--skip=account"}, {"templates", "pull", "--dir=" + dir + "/new"}, {"serve"}}[n%6]
		env := []string{"SUBMSG_ACCOUNTS=" + dir, "SUBMSG_WECHAT_URL=http://127.0.0.1:1",
			"DATABASE_URL=postgres://u@127.0.0.1:1/d"}
		d := startDaemon(t, 0, env, args...)
		if d.exit() != 0 {
			refused++
		}
		tells(t, fmt.Sprintf("submsg %q with the account\n%s", args, content), d.printed())
	}
	if refused < 80 {
		t.Errorf("only %d files were refused", refused)
	}
}
