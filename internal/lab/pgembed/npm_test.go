package pgembed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// npm installs a package as npm leaves it without its install script: the postgres in it runs only through a link that
// is not there.
func (f *finder) npm(t *testing.T, parent string) (bin string) {
	t.Helper()
	native := filepath.Join(parent, "node_modules", npmPackage(), "native")
	bin = f.install(t, filepath.Join(native, "bin"), "18.4")
	native = filepath.Join(f.root, native)
	write(t, filepath.Join(bin, "postgres"), "#!/bin/sh\n. \"$(dirname \"$0\")/../lib/libpq.so.5\"\n")
	write(t, filepath.Join(native, "lib/libpq.so.5.18"), "echo 'postgres (PostgreSQL) 18.4'\n")
	write(t, filepath.Join(native, "pg-symlinks.json"), `[
		{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"},
		{"source":"native/lib/libpq.so.5.18","target":"native/libpq.so"}]`)
	write(t, filepath.Join(filepath.Dir(native), "package.json"), `{"version":"18.4.0-beta.17"}`)
	return bin
}

func TestNpmLinksAreMended(t *testing.T) {
	f := machine(t)
	bin := f.npm(t, "home/me")
	for range 2 { // the second time the links are there
		if got, err := f.find(t.Context(), ""); err != nil || got.dir != bin {
			t.Fatalf("found %q, %v", got.dir, err)
		}
	}
	for link, want := range map[string]string{"lib/libpq.so.5": "libpq.so.5.18", "libpq.so": "lib/libpq.so.5.18"} {
		if got, err := os.Readlink(filepath.Join(filepath.Dir(bin), link)); got != want {
			t.Errorf("%s -> %q, %v", link, got, err)
		}
	}
}

// An ordinary user can't write the package, or root's server account can't reach it.
func TestNpmPackageIsCopied(t *testing.T) {
	f := machine(t)
	bin := f.npm(t, "home/me")
	closed, mode := filepath.Join(filepath.Dir(bin), "lib"), os.FileMode(0o555)
	if f.owner.dropped {
		closed, mode = filepath.Join(f.root, "home"), 0o700
	}
	if err := os.Chmod(closed, mode); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(closed, 0o755) })

	want := filepath.Join(f.store.dir, "npm-18.4.0-beta.17", "bin")
	for range 2 {
		if got, err := f.find(t.Context(), ""); err != nil || got.dir != want {
			t.Fatalf("found %q, %v, want %q", got.dir, err, want)
		}
	}
	if exists(filepath.Join(f.store.dir, "unfinished")) {
		t.Error("left an unfinished copy")
	}
}

func TestNpmLinksStayInThePackage(t *testing.T) {
	for _, content := range []string{
		`[{"source":"native/../../etc/passwd","target":"native/x"}]`,
		`[{"source":"native/lib","target":"native/../../x"}]`,
		`[{"source":"/etc/passwd","target":"native/x"}]`,
		`not json`,
	} {
		f := machine(t)
		bin := f.npm(t, "home/me")
		write(t, filepath.Join(filepath.Dir(bin), "pg-symlinks.json"), content)
		if _, err := f.probe(t.Context(), bin); err == nil || !strings.Contains(err.Error(), "pg-symlinks.json: ") {
			t.Errorf("%s: %v", content, err)
		}
	}
}
