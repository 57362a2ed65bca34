package account

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func fine(*Configuration) error { return nil }

// Accounts and templates are read again together: what doesn't fit together never comes into use.
func TestReload(t *testing.T) {
	t.Parallel()
	shopB := strings.NewReplacer("shopA\n", "shopB\n", "wx0123456789abcdef", "wx2").Replace(good)
	accounts := folder(t, map[string]string{"a.yaml": good})
	catalogue := folder(t, map[string]string{"x.yaml": aTemplate("x", "shopA")})
	live, err := NewLive(Source{Dir: accounts}, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, content string) {
		t.Helper()
		err := os.WriteFile(path, []byte(content), 0o600)
		if content == "" {
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, x, y := filepath.Join(accounts, "b.yaml"), filepath.Join(catalogue, "x.yaml"), filepath.Join(catalogue, "y.yaml")
	for _, step := range []struct {
		name, path, content string
		changed             bool
		says                string // "": there is no mistake
		accounts, templates int
	}{
		{"nothing changed", x, aTemplate("x", "shopA"), false, "", 1, 1},
		{"an account more", b, shopB, true, "", 2, 1},
		{"a template of it", y, aTemplate("y", "shopB"), true, "", 2, 2},
		{"a broken account", b, "name: [", false, "accounts in " + accounts + ": b.yaml:1: not YAML", 2, 2},
		{"the account is gone", b, "", false, "templates in " + catalogue + `: y.yaml:3: account "shopB" is none of shopA`, 2, 2},
		{"a broken template", y, "id: [", false, "templates in " + catalogue + ": y.yaml:1: not YAML", 2, 2},
		{"mended for the account that is left", y, aTemplate("y", "shopA"), true, "", 1, 2},
		{"a comment", x, "# hi\n" + aTemplate("x", "shopA"), true, "", 1, 2},
		{"a template without an account", x, aTemplate("x", ""), true, "", 1, 2},
		{"which isn't enough with two", b, shopB, false, "x.yaml:1: account is missing: there are shopA, shopB", 1, 2},
	} {
		write(step.path, step.content)
		before := live.Current()
		changed, err := live.Reload(fine)
		if changed != step.changed || changed != (live.Current() != before) || (err == nil) != (step.says == "") ||
			err != nil && !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: changed %v, %v", step.name, changed, err)
		}
		c := live.Current()
		if len(c.Accounts) != step.accounts || len(c.Templates.All()) != step.templates ||
			live.Templates() != c.Templates {
			t.Errorf("%s: %d accounts, %d templates", step.name, len(c.Accounts), len(c.Templates.All()))
		}
	}
	before, refused := live.Current(), errors.New("no")
	write(b, "")
	write(x, aTemplate("x", "shopA"))
	changed, err := live.Reload(func(*Configuration) error { return refused })
	if changed || !errors.Is(err, refused) || live.Current() != before {
		t.Errorf("what can't be used is in use: %v, %v", changed, err)
	}
}

// The data of a template is checked by the channel of its account, and by that of today: who moves an account to
// another channel is told which templates don't fit it, although their files are as they were.
func TestDataIsCheckedByTheChannel(t *testing.T) {
	t.Parallel()
	hook := "name: hook\nchannel: webhook\nurl: https://hook.example\n"
	accounts := folder(t, map[string]string{"a.yaml": good, "hook.yaml": hook})
	x := func(account, data string) string {
		return "id: x-id\nname: x\naccount: " + account + "\nparams: [what]\ndata:\n  " + data + "\n"
	}
	catalogue := folder(t, map[string]string{"x.yaml": x("hook", `word: "{what}"`),
		"y.yaml": aTemplate("y", "shopA")})
	live, err := NewLive(Source{Dir: accounts}, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	hooked, _ := live.Templates().Find("x")
	const says = "parameter 1 (what) can't be word: a word has no spaces"
	if _, err := hooked.Render([]string{"two words"}, ""); err == nil || err.Error() != says {
		t.Errorf("a webhook's value: %v", err)
	}
	if p, err := hooked.Render([]string{strings.Repeat("长", 21)}, ""); err != nil {
		t.Errorf("a webhook's value is checked as WeChat's thing: %+v, %v", p, err)
	}
	for _, step := range []struct{ name, dir, file, content, says string }{
		{"WeChat's key at a webhook", catalogue, "x.yaml", x("hook", `thing1: "{what}"`),
			`x.yaml:6: key "thing1": a webhook knows word alone`},
		{"a webhook's key at WeChat", catalogue, "x.yaml", x("shopA", `word: "{what}"`),
			`x.yaml:6: key "word": WeChat has no type "word"`},
		{"a text that never fits", catalogue, "x.yaml", x("hook", `word: "the {what}"`),
			`x.yaml:6: word "the {what}" can never be sent: a word has no spaces`},
		{"nobody's key", catalogue, "x.yaml", x("elsewhere", `word: "{what}"`),
			`x.yaml:6: key "word": WeChat has no type "word"`},
		{"as it was", catalogue, "x.yaml", x("hook", `word: "{what}"`), ""},
		{"the account is a mini-program now", accounts, "hook.yaml",
			strings.NewReplacer("shopA\n", "hook\n", "wx0123456789abcdef", "wx2").Replace(good),
			`x.yaml:6: key "word": WeChat has no type "word"`},
	} {
		rename(t, step.dir, step.file, step.content)
		if changed, err := live.Reload(fine); changed || (err == nil) != (step.says == "") ||
			err != nil && !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: changed %v, %v", step.name, changed, err)
		}
	}
}

// Mistakes of accounts and of templates are told at once.
func TestMistakesOfBoth(t *testing.T) {
	t.Parallel()
	accounts := folder(t, map[string]string{"a.yaml": "nam: a"})
	catalogue := folder(t, map[string]string{"x.yaml": "nam: x"})
	_, err := NewLive(Source{Dir: accounts}, catalogue)
	if err == nil {
		t.Fatal("loaded")
	}
	parts := []string{"accounts in " + accounts + ": a.yaml:1: ", "templates in " + catalogue + ": x.yaml:1: "}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in %v", part, err)
		}
	}
}

// Without folders there are the account of the variables and the templates that are built in.
func TestWithoutFolders(t *testing.T) {
	t.Parallel()
	live, err := NewLive(Source{Default: OfWeChat("wx1", "x", "https://api.weixin.qq.com")}, "")
	if err != nil {
		t.Fatal(err)
	}
	if a := live.Current().AccountOf("orderStatus"); a == nil || a.Name != Default {
		t.Errorf("orderStatus is sent by %v", a)
	}
	if changed, err := live.Reload(fine); changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
}

// Many read while two reload files that change: nobody sees accounts and templates that don't belong together.
func TestLiveWhileInUse(t *testing.T) {
	t.Parallel()
	accounts := folder(t, map[string]string{"a.yaml": good})
	catalogue := folder(t, map[string]string{"x.yaml": aTemplate("x", "shopA")})
	live, err := NewLive(Source{Dir: accounts}, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	var readers, reloaders sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				c := live.Current()
				if a := c.AccountOf("x"); a == nil || a != c.Accounts[0] {
					t.Errorf("x is sent by %v of %v", a, c.Accounts)
					return
				}
			}
		})
	}
	for range 2 {
		reloaders.Go(func() {
			for n := range 50 {
				name := []string{"shopA", "shopB"}[n%2]
				rename(t, accounts, "a.yaml", strings.Replace(good, "shopA\n", name+"\n", 1))
				_, _ = live.Reload(fine) // it is refused where the template still names the other one
				rename(t, catalogue, "x.yaml", aTemplate("x", name))
				_, _ = live.Reload(fine)
			}
		})
	}
	reloaders.Wait()
	close(done)
	readers.Wait()
}

// rename puts a file into a folder in one step.
func rename(t *testing.T, dir, name, content string) {
	t.Helper()
	aside, err := os.CreateTemp(dir, ".")
	if err == nil {
		_, err = aside.WriteString(content)
		err = errors.Join(err, aside.Close(), os.Rename(aside.Name(), filepath.Join(dir, name)))
	}
	if err != nil {
		t.Error(err)
	}
}
