package account

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/yamlfiles"
	"github.com/submsg/submsg/templates"
)

// Live is the accounts and templates that are in use, which can be read again meanwhile: the old ones stay when one of
// the new ones has a mistake. It is safe for concurrent use.
type Live struct {
	source  Source
	folder  string     // of the templates; "" for those that are built in
	reload  sync.Mutex // one reload at a time, or an older reading could replace a newer one
	current atomic.Pointer[Configuration]
}

// NewLive loads accounts and templates for the first time. Its error names every mistake. An empty folder means the
// templates that are built in.
func NewLive(source Source, templatesDir string) (*Live, error) {
	l := &Live{source: source, folder: templatesDir}
	c, err := l.load(nil)
	if err != nil {
		return nil, err
	}
	l.current.Store(c)
	return l, nil
}

// Current returns what was loaded last. Use one for the whole of one message.
func (l *Live) Current() *Configuration { return l.current.Load() }

// Templates returns the catalogue that was loaded last.
func (l *Live) Templates() *templates.Catalogue { return l.Current().Templates }

// Reload reads the files again. Where they have changed and have no mistake, use is asked to work with them; what was
// loaded last stays in use when it can't.
func (l *Live) Reload(use func(*Configuration) error) (changed bool, err error) {
	l.reload.Lock()
	defer l.reload.Unlock()
	last := l.Current()
	c, err := l.load(last)
	if err != nil || c == last {
		return false, err
	}
	if err := use(c); err != nil {
		return false, err
	}
	l.current.Store(c)
	return true, nil
}

// load returns last itself where no file has changed.
func (l *Live) load(last *Configuration) (*Configuration, error) {
	var lastAccounts *accounts
	var lastTemplates *templates.Catalogue
	if last != nil {
		lastAccounts, lastTemplates = last.loaded, last.Templates
	}
	all, accountsErr := l.source.loadAgain(lastAccounts)
	known := cmp.Or(all, lastAccounts, new(accounts))
	if known != lastAccounts {
		lastTemplates = nil // a template may go through another channel now, although its file is the same
	}
	catalogue, templatesErr := l.loadTemplates(known.list, lastTemplates)
	if err := errors.Join(accountsErr, templatesErr); err != nil {
		return nil, err
	}
	if last != nil && catalogue == last.Templates {
		return last, nil
	}
	c, err := Assign(all.list, catalogue)
	if err != nil {
		return nil, l.ofTemplates(err)
	}
	c.loaded = all
	return c, nil
}

// loadTemplates checks each template by the channel of its account.
func (l *Live) loadTemplates(list []*Account, last *templates.Catalogue) (*templates.Catalogue, error) {
	if l.folder == "" {
		if last == nil {
			last = fields.Shipped()
		}
		return last, nil
	}
	c, err := templates.LoadAgain(yamlfiles.Folder(l.folder), keysOf(list), last)
	if err != nil {
		return nil, l.ofTemplates(err)
	}
	return c, nil
}

// ofTemplates is an error of the template files, which knows them only from inside their folder.
func (l *Live) ofTemplates(err error) error {
	return fmt.Errorf("templates in %s: %w", cmp.Or(l.folder, "this submsg"), err)
}
