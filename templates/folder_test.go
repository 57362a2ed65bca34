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
	first, err := load(Folder(dir))
	must(err)
	version("..2", good+"title: new\n")
	next, err := LoadAgain(Folder(dir), wechat, first)
	must(err)
	if template, ok := next.Find("order"); !ok || template.Title != "new" {
		t.Errorf("template %+v", template)
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := load(Folder(filepath.Join(t.TempDir(), "missing"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A folder that is swapped for another one, as a release is.
func TestFolderIsALink(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "current")
	release := func(name, content string) {
		err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o755),
			os.WriteFile(filepath.Join(dir, name, "t.yaml"), []byte(content), 0o644),
			os.Symlink(name, at+".next"), os.Rename(at+".next", at))
		if err != nil {
			t.Fatal(err)
		}
	}
	release("1", good)
	first, err := load(Folder(at))
	if err != nil {
		t.Fatal(err)
	}
	release("2", good+"title: new\n")
	if next, err := LoadAgain(Folder(at), wechat, first); next == first || err != nil {
		t.Errorf("still %p, %v", next, err)
	}
}
