package templates

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A folder as Kubernetes mounts one: each file a link through ..data, which is swapped as a whole.
func TestLinkedFolder(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	version := func(name, content string) {
		must(os.Mkdir(filepath.Join(dir, name), 0o755))
		must(os.WriteFile(filepath.Join(dir, name, "t.yaml"), []byte(content), 0o644))
		must(os.Symlink(name, filepath.Join(dir, "..next")))
		must(os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")))
	}
	version("..1", good)
	must(os.Symlink(filepath.Join("..data", "t.yaml"), filepath.Join(dir, "t.yaml")))
	must(os.Symlink("nobody@host", filepath.Join(dir, ".#t.yaml"))) // an editor's lock
	live, err := NewLive(os.DirFS(dir))
	must(err)
	version("..2", good+"title: new\n")
	changed, err := live.Reload()
	must(err)
	template, ok := live.Current().Find("order")
	if !changed || !ok || template.Title != "new" {
		t.Errorf("changed %v, template %+v", changed, template)
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := Load(os.DirFS(filepath.Join(t.TempDir(), "missing"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
