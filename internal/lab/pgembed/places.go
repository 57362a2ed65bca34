package pgembed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// place is where binaries may be: a name for error messages, and the folders found there.
type place struct {
	name string
	dirs func(context.Context) []string
}

// places are all the places on this machine, in the order in which they are tried.
func (f *finder) places() []place {
	return []place{
		{"pg_config --bindir", f.pgConfig},
		{"PATH", f.path},
		f.glob("/usr/lib/postgresql/*/bin"),         // Debian, Ubuntu
		f.glob("/usr/lib/postgresql[0-9][0-9]/bin"), // openSUSE
		f.glob("/usr/pgsql-*/bin"),                  // the PostgreSQL project's RPMs
		f.glob("/usr/libexec/postgresql*"),          // Alpine
		f.glob("/opt/homebrew/opt/postgresql@*/bin"),
		f.glob("/usr/local/opt/postgresql@*/bin"),
		f.glob("/Applications/Postgres.app/Contents/Versions/*/bin"),
		{filepath.Join("node_modules", npmPackage()), f.nodeModules},
		{filepath.Join(f.store.dir, "*", "bin"), f.stored},
	}
}

func (f *finder) glob(pattern string) place {
	return place{pattern, func(context.Context) []string {
		dirs, _ := filepath.Glob(filepath.Join(f.root, pattern))
		return dirs
	}}
}

func (f *finder) stored(context.Context) []string {
	dirs, _ := filepath.Glob(filepath.Join(f.store.dir, "[0-9]*", "bin"))
	return dirs
}

func (f *finder) pgConfig(ctx context.Context) []string {
	for _, dir := range filepath.SplitList(f.getenv("PATH")) {
		tool := filepath.Join(dir, "pg_config")
		if _, err := os.Stat(tool); err != nil || !filepath.IsAbs(tool) {
			continue
		}
		if _, err := trusted(tool); err != nil {
			return []string{dir} // not run; the probe of its folder says why
		}
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		out, err := f.owner.output(ctx, "", tool, "--bindir")
		if out = strings.TrimSpace(out); err != nil || !filepath.IsAbs(out) {
			return nil
		}
		return []string{out}
	}
	return nil
}

// path follows a link to postgres to the folder that has its siblings too.
func (f *finder) path(context.Context) []string {
	for _, dir := range filepath.SplitList(f.getenv("PATH")) {
		real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
		if err == nil && filepath.IsAbs(real) {
			return []string{filepath.Dir(real)}
		}
	}
	return nil
}

// nodeModules looks upwards from the current folder, as Node does, past what somebody else could exchange: only where
// there is nothing better, it is named, so that the probe says what is wrong with it.
func (f *finder) nodeModules(context.Context) (distrusted []string) {
	for dir := f.cwd; ; dir = filepath.Dir(dir) {
		bin := filepath.Join(dir, "node_modules", npmPackage(), "native", "bin")
		if _, err := trusted(bin); err == nil {
			return []string{bin}
		} else if !errors.Is(err, os.ErrNotExist) {
			distrusted = append(distrusted, bin)
		}
		if dir == filepath.Dir(dir) {
			return distrusted
		}
	}
}

// npmPackage is the package of github.com/leinelissen/embedded-postgres for this machine, in Node's words for it.
func npmPackage() string {
	arch := runtime.GOARCH
	if node, ok := map[string]string{"amd64": "x64", "386": "ia32", "ppc64le": "ppc64"}[arch]; ok {
		arch = node
	}
	return filepath.Join("@embedded-postgres", runtime.GOOS+"-"+arch)
}
