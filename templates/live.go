package templates

import (
	"io/fs"
	"sync"
	"sync/atomic"
)

// Live is a catalogue that can be read again while it is in use: the old one stays when the new one has an error.
// It is safe for concurrent use.
type Live struct {
	fsys    fs.FS
	reload  sync.Mutex // one reload at a time, or an older reading could replace a newer one
	current atomic.Pointer[Catalogue]
}

// NewLive loads the catalogue for the first time; its error is that of Load.
func NewLive(fsys fs.FS) (*Live, error) {
	c, err := Load(fsys)
	if err != nil {
		return nil, err
	}
	l := &Live{fsys: fsys}
	l.current.Store(c)
	return l, nil
}

// Current returns the catalogue as last loaded. Use one for the whole of one message.
func (l *Live) Current() *Catalogue {
	return l.current.Load()
}

// Reload reads the files again. It returns false and nil when they are the same as the current catalogue's, and
// false and the error of Load when one is broken: then the current catalogue stays.
func (l *Live) Reload() (changed bool, err error) {
	l.reload.Lock()
	defer l.reload.Unlock()
	last := l.Current()
	c, err := LoadAgain(l.fsys, last)
	if err != nil || c == last {
		return false, err
	}
	l.current.Store(c)
	return true, nil
}
