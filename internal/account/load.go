package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/submsg/submsg/internal/yamlfiles"
	"github.com/submsg/submsg/outbox"
)

// Source says where accounts come from.
type Source struct {
	Dir            string   // folder of files, one an account; "": there is none
	Default        *Account // that of SUBMSG_WECHAT_*; nil: none is set
	URL            string   // of an account that says none
	AllowHTTP      bool     // an http URL may lead to another machine
	SecretsInFiles bool     // a file may hold its secret although others may read it
}

// accounts are all that there are, sorted by name.
type accounts struct {
	list   []*Account
	digest yamlfiles.Digest // of the files that they were made from
}

// Load reads the accounts. Its error joins one *yamlfiles.Error for each mistake in any file, sorted by file and line.
func (s Source) Load() ([]*Account, error) {
	all, err := s.loadAgain(nil)
	if err != nil {
		return nil, err
	}
	return all.list, nil
}

// loadAgain returns the accounts that were loaded last where the files are still the same.
func (s Source) loadAgain(last *accounts) (*accounts, error) {
	all := new(accounts)
	if s.Default != nil {
		if err := s.Default.check(s.AllowHTTP); err != nil {
			return nil, err
		}
		all.list = append(all.list, s.Default)
	}
	if s.Dir == "" {
		if last != nil {
			return last, nil
		}
		return all, nil
	}
	files, err := yamlfiles.Read(yamlfiles.Folder(s.Dir), "account")
	if err == nil {
		all.digest = yamlfiles.Sum(files)
		if last != nil && last.digest == all.digest {
			return last, nil
		}
		err = s.build(all, files)
	}
	if err != nil {
		return nil, fmt.Errorf("accounts in %s: %w", s.Dir, err)
	}
	return all, nil
}

func (s Source) build(all *accounts, files []yamlfiles.File) error {
	var errs []*yamlfiles.Error
	var drafts []*draft
	for _, f := range files {
		if f.Broken != "" {
			errs = append(errs, &yamlfiles.Error{File: f.Name, Reason: f.Broken})
			continue
		}
		d := s.read(f)
		drafts = append(drafts, d)
		all.list = append(all.list, d.account)
	}
	s.sameAccounts(drafts)
	for _, d := range drafts {
		errs = append(errs, d.Errs...)
	}
	if len(errs) > 0 {
		return yamlfiles.Join(errs)
	}
	if n := len(all.list); n > outbox.MostAccounts {
		return fmt.Errorf("there are %d accounts, at most %d can be", n, outbox.MostAccounts)
	}
	slices.SortFunc(all.list, func(a, b *Account) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// sameAccounts refuses a name that means another account already, and a second account for the same credentials: each
// would count the quota, the rate and the pauses of both as its own.
func (s Source) sameAccounts(drafts []*draft) {
	names, apps := map[string]string{}, map[Account]string{} // and where they stand
	app := func(a *Account) Account {
		return Account{Channel: a.Channel, URL: strings.TrimRight(a.URL, "/"), AppID: a.AppID}
	}
	if s.Default != nil {
		names[s.Default.Name] = s.Default.Where()
		apps[app(s.Default)] = s.Default.Where()
	}
	for _, d := range drafts {
		name, named := d.texts["name"]
		if where, taken := names[name.Value]; named && taken {
			d.Fail(name.Line, "name %s is already that of the account of %s", yamlfiles.Quote(name.Value), where)
		} else if named {
			names[name.Value] = fmt.Sprintf("%s:%d", d.File, name.Line)
		}
		appid, given := d.texts["appid"]
		if where, taken := apps[app(d.account)]; given && taken {
			d.Fail(appid.Line, "appid %s is already that of the account of %s", yamlfiles.Quote(appid.Value), where)
		} else if given {
			apps[app(d.account)] = fmt.Sprintf("%s:%d", d.File, appid.Line)
		}
	}
}
