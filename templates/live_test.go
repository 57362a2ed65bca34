package templates

import (
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func TestLiveReload(t *testing.T) {
	fsys := folder(map[string]string{"t.yaml": good})
	live, err := NewLive(fsys)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name    string
		content string
		changed bool
		fails   bool
		uses    string
	}{
		{"nothing changed", good, false, false, "order"},
		{"renamed", strings.Replace(good, "order", "newOrder", 1), true, false, "newOrder"},
		{"broken", "id: [", false, true, "newOrder"},
		{"still broken", "id: [", false, true, "newOrder"},
		{"mended to what is in use", strings.Replace(good, "order", "newOrder", 1), false, false, "newOrder"},
		{"only a comment", strings.Replace(good, "order", "newOrder", 1) + "# hi\n", true, false, "newOrder"},
		{"back", good, true, false, "order"},
	}
	for _, s := range steps {
		fsys["t.yaml"] = &fstest.MapFile{Data: []byte(s.content)}
		changed, err := live.Reload()
		if changed != s.changed || (err != nil) != s.fails {
			t.Errorf("%s: changed %v, error %v", s.name, changed, err)
		}
		if _, ok := live.Current().Find(s.uses); !ok {
			t.Errorf("%s: %s is not in use", s.name, s.uses)
		}
	}
	delete(fsys, "t.yaml")
	if _, err := live.Reload(); err == nil {
		t.Error("an emptied folder was taken for a catalogue")
	}
	if _, ok := live.Current().Find("order"); !ok {
		t.Error("an emptied folder took the templates away")
	}
}

func TestNewLiveRefusesABrokenFolder(t *testing.T) {
	if live, err := NewLive(folder(map[string]string{"t.yaml": "id: ["})); err == nil || live != nil {
		t.Errorf("got %v, %v", live, err)
	}
}

// swapFS changes its files under a lock, as a folder does under an operator's hands.
type swapFS struct {
	sync.RWMutex
	fstest.MapFS
}

func (s *swapFS) set(content string) {
	s.Lock()
	defer s.Unlock()
	next := maps.Clone(s.MapFS)
	next["t.yaml"] = &fstest.MapFile{Data: []byte(content)}
	s.MapFS = next
}

func (s *swapFS) Open(name string) (fs.File, error) {
	s.RLock()
	defer s.RUnlock()
	return s.MapFS.Open(name)
}

// ReadDir and Stat hide those of the map, which take no lock.
func (s *swapFS) ReadDir(name string) ([]fs.DirEntry, error) {
	s.RLock()
	defer s.RUnlock()
	return s.MapFS.ReadDir(name)
}

func (s *swapFS) Stat(name string) (fs.FileInfo, error) {
	s.RLock()
	defer s.RUnlock()
	return s.MapFS.Stat(name)
}

func TestLiveWhileInUse(t *testing.T) {
	fsys := &swapFS{MapFS: folder(map[string]string{"t.yaml": good})}
	live, err := NewLive(fsys)
	if err != nil {
		t.Fatal(err)
	}
	contents := []string{good, "id: [", strings.Replace(good, "{goods}", "*{goods}", 1)}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				template, ok := live.Current().Find("order")
				if !ok {
					t.Error("the template was gone for a moment")
					return
				}
				p, err := template.Render([]string{"a", "1"}, "")
				if err != nil || (p.Data[0].Value != "a" && p.Data[0].Value != "*a") || p.Data[1].Value != "1元" {
					t.Errorf("rendered %v, %v", p, err)
					return
				}
			}
		})
	}
	var reloaders sync.WaitGroup
	for i := range 2 {
		reloaders.Go(func() {
			for n := range 100 {
				fsys.set(contents[(n+i)%len(contents)])
				live.Reload() // the broken one fails, whichever of the two meets it
			}
		})
	}
	reloaders.Wait()
	fsys.set(contents[2])
	if _, err := live.Reload(); err != nil {
		t.Error(err)
	}
	close(done)
	wg.Wait()
	template, _ := live.Current().Find("order")
	if p, err := template.Render([]string{"a", "1"}, ""); err != nil || p.Data[0].Value != "*a" {
		t.Errorf("the last state is not in use: %v, %v", p, err)
	}
}
