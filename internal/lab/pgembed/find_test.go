package pgembed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a finder for a machine of its own that has nothing on it.
func machine(t *testing.T) *finder {
	t.Helper()
	owner, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	root := openTemp(t)
	env := map[string]string{
		"PATH":    filepath.Join(root, "usr/bin") + ":relative",
		envMirror: "http://127.0.0.1:1", // nobody listens there
	}
	return &finder{
		owner:  owner,
		root:   root,
		cwd:    filepath.Join(root, "home/me/project"),
		getenv: func(name string) string { return env[name] },
		store:  store{filepath.Join(root, "cache"), owner},
	}
}

// install puts binaries there that say they are of this version.
func (f *finder) install(t *testing.T, dir, version string) string {
	t.Helper()
	dir = filepath.Join(f.root, dir)
	write(t, filepath.Join(dir, "initdb"), "")
	write(t, filepath.Join(dir, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) "+version+"'\n")
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestFindOrder installs from the last place to the first: each is preferred to all before it.
func TestFindOrder(t *testing.T) {
	f := machine(t)
	for i, dir := range []string{
		"cache/18.3.0/bin",
		"home/me/node_modules/" + npmPackage() + "/native/bin",
		"home/me/project/node_modules/" + npmPackage() + "/native/bin",
		"Applications/Postgres.app/Contents/Versions/17/bin",
		"usr/local/opt/postgresql@16/bin",
		"opt/homebrew/opt/postgresql@16/bin",
		"usr/libexec/postgresql16",
		"usr/pgsql-16/bin",
		"usr/lib/postgresql16/bin",
		"usr/lib/postgresql/15/bin",
		"usr/bin",
		"from/pg_config",
	} {
		want := f.install(t, dir, fmt.Sprintf("%d.1", 30-i)) // older and older: the place decides
		if dir == "from/pg_config" {
			write(t, filepath.Join(f.root, "usr/bin/pg_config"), "#!/bin/sh\n[ $1 = --bindir ] && echo "+want+"\n")
		}
		got, err := f.find(t.Context(), "")
		if err != nil || got.dir != want {
			t.Fatalf("found %q, %v; want %q", got.dir, err, want)
		}
	}

	byEnv := f.install(t, "by/env", "15.1")
	getenv := f.getenv
	f.getenv = func(name string) string {
		if name == envBin {
			return byEnv
		}
		return getenv(name)
	}
	if got, err := f.find(t.Context(), ""); err != nil || got.dir != byEnv {
		t.Errorf("%s: found %q, %v", envBin, got.dir, err)
	}
	explicit := f.install(t, "explicit", "15.1")
	if got, err := f.find(t.Context(), explicit); err != nil || got.dir != explicit {
		t.Errorf("explicit: found %q, %v", got.dir, err)
	}
}

func TestFindTakesTheNewestOfAPlace(t *testing.T) {
	f := machine(t)
	f.install(t, "usr/lib/postgresql/9.6/bin", "9.6.24")
	f.install(t, "usr/lib/postgresql/15/bin", "15.9")
	want := f.install(t, "usr/lib/postgresql/x/bin", "15.10")
	f.install(t, "usr/lib/postgresql/y/bin", "14.20")
	if got, err := f.find(t.Context(), ""); err != nil || got.dir != want {
		t.Errorf("found %q, %v", got.dir, err)
	}
}

func TestFindFollowsALinkInPATH(t *testing.T) {
	f := machine(t)
	want := f.install(t, "opt/pg/bin", "16.1")
	write(t, filepath.Join(f.root, "usr/bin/other"), "")
	if err := os.Symlink(filepath.Join(want, "postgres"), filepath.Join(f.root, "usr/bin/postgres")); err != nil {
		t.Fatal(err)
	}
	if got, err := f.find(t.Context(), ""); err != nil || got.dir != want {
		t.Errorf("found %q, %v", got.dir, err)
	}
}

func TestNotFoundListsEveryPlace(t *testing.T) {
	f := machine(t)
	old := f.install(t, "usr/lib/postgresql/13/bin", "13.2")
	broken := f.install(t, "usr/pgsql-15/bin", "15.1")
	write(t, filepath.Join(broken, "postgres"), "#!/bin/sh\necho libicu.so.60 is missing >&2\nexit 127\n")
	if err := os.Mkdir(filepath.Join(f.root, "usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(f.root, "usr/bin/postgres")
	write(t, alone, "")

	_, err := f.find(t.Context(), "")
	if err == nil {
		t.Fatal("found something")
	}
	for _, want := range []string{
		"pg_config --bindir: nothing there",
		filepath.Dir(alone) + ": no initdb there",
		old + ": PostgreSQL 13.2 is too old, 14 or later is needed",
		broken + ": " + f.owner.name + " can't run it: exit status 127: libicu.so.60 is missing",
		"/opt/homebrew/opt/postgresql@*/bin: nothing there",
		"/Applications/Postgres.app/Contents/Versions/*/bin: nothing there",
		npmPackage() + ": nothing there",
		f.store.dir,
		"connection refused (SUBMSG_POSTGRES_MIRROR may name another",
		"apt install postgresql",
		"SUBMSG_POSTGRES_BIN=",
		"DATABASE_URL=",
		"docker compose up",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestNamedFolderIsNotReplacedByAnother(t *testing.T) {
	f := machine(t)
	f.install(t, "usr/bin", "16.1")
	_, err := f.find(t.Context(), filepath.Join(f.root, "misspelt"))
	if err == nil || !strings.Contains(err.Error(), "misspelt: no initdb there") {
		t.Errorf("error = %v", err)
	}
}

func TestNodeModulesWhereEverybodyWrites(t *testing.T) {
	f := machine(t)
	bad := f.install(t, "home/node_modules/"+npmPackage()+"/native/bin", "18.1")
	if err := os.Chmod(filepath.Join(f.root, "home"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := f.find(t.Context(), ""); err == nil || !strings.Contains(err.Error(), bad+": ") ||
		!strings.Contains(err.Error(), "home can't be trusted: everybody could change it") {
		t.Errorf("error = %v", err)
	}
	good := f.install(t, "node_modules/"+npmPackage()+"/native/bin", "18.1")
	if got, err := f.find(t.Context(), ""); err != nil || got.dir != good {
		t.Errorf("found %q, %v", got.dir, err)
	}
}
