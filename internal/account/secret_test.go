package account

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(os.WriteFile(at("long"), []byte(strings.Repeat("s", maxSecretFile+1)), 0o600),
		os.WriteFile(at("right"), []byte(" canary0123\n"), 0o600),
		os.Symlink("right", at("linked"))) // as Kubernetes mounts one
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		at("right"): "", at("linked"): "", dir: "not a regular file", "/dev/zero": "not a regular file",
		at("long"): "more than 4096 bytes", at("missing"): "no such file",
	} {
		secret, err := ReadSecret(path)
		if want == "" && (err != nil || secret != "canary0123") {
			t.Errorf("%s: %v", path, err)
		}
		// The path may be the secret, written at the wrong place.
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}
