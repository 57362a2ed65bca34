package account

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/yamlfiles"
	"github.com/submsg/submsg/outbox"
)

var (
	keys = []string{"name", "channel", "appid", "secretFile", "secretEnv", "secret", "url", "rate", "senders",
		"onePersonAtATime"}
	required = []string{"name", "channel"}
	// secretKeys are the ways to give a secret, the best one first.
	secretKeys = []string{"secretFile", "secretEnv", "secret"}

	goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)
	// goodVariable is no AppSecret, which has small letters, so that an error may repeat it.
	goodVariable = regexp.MustCompile(`^[A-Z_][A-Z0-9_]{0,99}$`)
)

// MaxSenders is how many messages may be sent at once by one account.
const MaxSenders = 10_000

// draft is an account in the making. It goes on after a mistake, so that all are reported at once.
type draft struct {
	*yamlfiles.Source
	source  Source
	account *Account
	channel channel.Channel
	texts   map[string]yamlfiles.Scalar // the keys that hold a text
	lines   map[string]int              // all keys
}

// read makes an account of one file; the draft's Errs say whether it may be used.
func (s Source) read(f yamlfiles.File) *draft {
	d := &draft{source: s, account: &Account{File: f.Name, URL: s.URL}, texts: map[string]yamlfiles.Scalar{},
		lines: map[string]int{}, Source: &yamlfiles.Source{File: f.Name, Thing: "account", Needs: "name and channel",
			Hides: true}}
	entries := d.Entries(f.Content)
	if len(d.Errs) > 0 && entries == nil {
		return d
	}
	for _, e := range entries {
		d.lines[e.Key.Value] = e.Key.Line
		d.entry(e)
	}
	for _, key := range required {
		if d.lines[key] == 0 {
			d.Fail(1, "%s is missing", key)
		}
	}
	if name, ok := d.texts["name"]; ok && !goodName.MatchString(name.Value) {
		d.Fail(name.Line, "name %s: a name is 1 to 32 of A-Z a-z 0-9 _ - and begins with a letter or digit",
			yamlfiles.Quote(name.Value))
	}
	d.account.Name, d.account.AppID = d.texts["name"].Value, d.texts["appid"].Value
	if d.chooseChannel() {
		d.credentials(f.Mode)
	}
	return d
}

func (d *draft) entry(e yamlfiles.Entry) {
	key, line := e.Key.Value, e.Key.Line
	switch {
	case !slices.Contains(keys, key):
		d.Fail(line, "unknown key %s%s", d.Quote(key), yamlfiles.Suggest(key, keys))
	case key == "rate":
		if n, ok := d.Number(e); ok {
			d.account.Rate = n
			if err := outbox.CheckRate(n); err != nil {
				d.Fail(line, "%v", err)
			}
		}
	case key == "senders":
		if n, ok := d.Number(e); ok {
			if n < 1 || n > MaxSenders || n != math.Trunc(n) {
				d.Fail(line, "senders is how many messages are sent at once: a whole number from 1 to %d", MaxSenders)
				return
			}
			d.account.Senders = int(n)
		}
	case key == "onePersonAtATime":
		d.account.OnePersonAtATime, _ = d.Bool(e)
	default:
		if t, ok := d.Text(e); ok {
			d.texts[key] = t
		}
	}
}

// chooseChannel finds the channel, and tells which of the keys that it needs are missing.
func (d *draft) chooseChannel() (ok bool) {
	given, written := d.texts["channel"]
	if !written {
		return false
	}
	known := slices.Sorted(maps.Keys(channels))
	if d.channel, ok = channels[given.Value]; !ok {
		d.Fail(given.Line, "channel %s is none of %s%s", d.Quote(given.Value), strings.Join(known, ", "),
			yamlfiles.Suggest(given.Value, known))
		return false
	}
	d.account.Channel = given.Value
	if d.lines["onePersonAtATime"] == 0 {
		d.account.OnePersonAtATime = d.channel.OnePersonAtATime
	}
	for _, key := range d.channel.Needs {
		switch {
		case key == "secret" && !slices.ContainsFunc(secretKeys, func(k string) bool { return d.lines[k] > 0 }):
			d.Fail(1, "secretFile is missing: it names the file that the account's secret is in; or write secretEnv, "+
				"the variable that holds it")
		case key != "secret" && d.lines[key] == 0:
			d.Fail(1, "%s is missing: an account of %s needs it", key, given.Value)
		}
	}
	return true
}

// credentials reads what the account shows to its channel, and checks each as its channel does.
func (d *draft) credentials(mode fs.FileMode) {
	if url, ok := d.texts["url"]; ok {
		d.account.URL = url.Value
	}
	for _, key := range []string{"appid", "url"} {
		if t, ok := d.texts[key]; ok {
			d.check(key, t.Value, t.Line)
		}
	}
	first := ""
	for _, key := range secretKeys {
		t, ok := d.texts[key]
		switch {
		case !ok:
		case first != "":
			d.Fail(t.Line, "%s: line %d says %s already, and an account has one secret", key, d.lines[first], first)
		default:
			first = key
			secret, err := d.secret(key, t.Value, mode)
			if err != nil {
				d.Fail(t.Line, "%s: %v", key, err)
				continue
			}
			d.account.Secret = secret
			d.check("secret", string(secret), t.Line)
		}
	}
}

func (d *draft) check(key, value string, line int) {
	if d.channel.Check == nil {
		return
	}
	if err := d.channel.Check(key, value, d.source.AllowHTTP); err != nil {
		d.Fail(line, "%v", err)
	}
}

// secret finds the secret in the way that a key says. Its errors don't repeat the key's value, which may be the secret,
// written at the wrong place.
func (d *draft) secret(key, value string, mode fs.FileMode) (channel.Secret, error) {
	switch key {
	case "secretFile":
		if !filepath.IsAbs(value) {
			value = filepath.Join(d.source.Dir, value)
		}
		d.account.SecretFile = value
		secret, err := ReadSecret(value)
		if err != nil {
			return "", fmt.Errorf("the file that it names, seen from the folder of accounts, can't be read: %w", err)
		}
		return secret, nil
	case "secretEnv":
		if !goodVariable.MatchString(value) {
			return "", errors.New("it names a variable of the environment, in capital letters, as in SHOP_A_SECRET")
		}
		secret, set := os.LookupEnv(value)
		if !set || secret == "" {
			return "", fmt.Errorf("the variable %s is not set", value)
		}
		return channel.Secret(secret), nil
	}
	if others := mode.Perm() &^ 0o600; others != 0 && !d.source.SecretsInFiles {
		return "", fmt.Errorf("the file's mode is %#o, so that others may read the secret: chmod 600 it, or write "+
			"secretFile or secretEnv in its place; --secrets-in-files allows it as it is", mode.Perm())
	}
	return channel.Secret(value), nil
}
