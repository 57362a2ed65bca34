package pgembed

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// another is an account that is neither this process's nor the server's.
const another = 54321

func TestTrusted(t *testing.T) {
	root := openTemp(t)
	for _, dir := range []string{"mine/bin", "shared/bin", "sticky/bin"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	must(t, os.Chmod(filepath.Join(root, "shared"), 0o777))
	must(t, os.Chmod(filepath.Join(root, "sticky"), 0o777|os.ModeSticky))
	for name, target := range map[string]string{"mine/link": "../sticky/bin", "mine/up": "bin/../..",
		"mine/absolute": filepath.Join(root, "mine/bin"), "mine/loop": "loop", "mine/nowhere": "nothing",
		"mine/to-shared": "../shared/bin", "shared/link": "../mine/bin", "sticky/link": "../mine/bin",
		"sticky/foreign": "../mine/bin"} {
		must(t, os.Symlink(target, filepath.Join(root, name)))
	}
	cases := []struct{ path, real, wrong string }{
		{path: "mine/bin", real: "mine/bin"},
		{path: "mine/link", real: "sticky/bin"},
		{path: "mine/up/sticky/link", real: "mine/bin"},
		{path: "mine/absolute", real: "mine/bin"},
		{path: "mine/loop", wrong: "too many links"},
		{path: "mine/nowhere", wrong: "no such file"},
		{path: "mine/to-shared", wrong: "shared can't be trusted: everybody"},
		{path: "shared/bin", wrong: "shared can't be trusted: everybody"},
		{path: "shared/link", wrong: "shared can't be trusted: everybody"},
	}
	if os.Geteuid() == 0 {
		must(t, os.Lchown(filepath.Join(root, "sticky/foreign"), another, another))
		cases = append(cases, struct{ path, real, wrong string }{path: "sticky/foreign",
			wrong: "sticky/foreign can't be trusted: its owner, user 54321, could change it"})
	}
	for _, tt := range cases {
		real, err := trusted(filepath.Join(root, tt.path))
		if tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
			t.Errorf("%s: %v, want %q", tt.path, err, tt.wrong)
		} else if tt.wrong == "" && (err != nil || real != filepath.Join(root, tt.real)) {
			t.Errorf("%s: %q, %v, want %s", tt.path, real, err, tt.real)
		}
	}
}

// TestStoreOfOthers: what somebody else has put into the store, or could, is not used.
func TestStoreOfOthers(t *testing.T) {
	owner, err := serverAccount()
	must(t, err)
	fill := func(dir string) error { return os.WriteFile(filepath.Join(dir, "mine"), nil, 0o644) }
	t.Run("the store", func(t *testing.T) {
		s := store{filepath.Join(openTemp(t), "cache"), owner}
		must(t, os.Mkdir(s.dir, 0o777))
		must(t, os.Chmod(s.dir, 0o777))
		if _, err := s.add(t.Context(), "x", fill); err == nil || exists(filepath.Join(s.dir, "x")) {
			t.Errorf("filled: %v", err)
		}
	})
	t.Run("what is in it", func(t *testing.T) {
		s := store{filepath.Join(openTemp(t), "cache"), owner}
		dir, err := s.add(t.Context(), "x", fill)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "planted"), nil, 0o644))
		must(t, os.Chmod(dir, 0o777))
		if _, err := s.add(t.Context(), "x", fill); err != nil || exists(filepath.Join(dir, "planted")) {
			t.Errorf("not filled anew: %v", err)
		}
	})
	t.Run("the server's account", func(t *testing.T) {
		s := store{filepath.Join(openTemp(t), "cache"), owner}
		dir, err := s.add(t.Context(), "x", fill)
		must(t, err)
		if got := fileOwner(t, filepath.Join(dir, "mine")); got != os.Geteuid() {
			t.Errorf("the binaries belong to %d, who runs them", got)
		}
		if info, err := os.Stat(s.lock()); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("everybody can lock the store: %v, %v", info.Mode(), err)
		}
	})
}
