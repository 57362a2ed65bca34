package pgembed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// npmLink is an entry of pg-symlinks.json: target is to be a link to source, both relative to the package.
// A package of npm can't hold links; its install script makes them, where npm is allowed to run it.
type npmLink struct{ Source, Target string }

// mend makes the links that an npm package lacks, and returns the folder to use: bin itself, or, where the package
// can't be written or the server's account can't reach it, its copy in the store. Other folders are left as they are.
func (f *finder) mend(ctx context.Context, bin string) (string, error) {
	native := filepath.Dir(bin)
	links, err := readLinks(native)
	if errors.Is(err, os.ErrNotExist) {
		return bin, nil
	} else if err != nil {
		return "", err
	}
	if f.owner.reaches(bin) {
		err := makeLinks(native, links)
		if err == nil || !errors.Is(err, os.ErrPermission) && !errors.Is(err, syscall.EROFS) {
			return bin, err
		}
	}
	copied, err := f.store.add(ctx, npmCopyName(native), func(dir string) error {
		if err := os.CopyFS(dir, os.DirFS(native)); err != nil {
			return err
		}
		return makeLinks(dir, links)
	})
	if err != nil {
		return "", fmt.Errorf("copy of the npm package: %w", err)
	}
	return filepath.Join(copied, "bin"), nil
}

func readLinks(native string) ([]npmLink, error) {
	content, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if err != nil {
		return nil, err
	}
	var links []npmLink
	if err := json.Unmarshal(content, &links); err != nil {
		return nil, fmt.Errorf("pg-symlinks.json: %w", err)
	}
	for i, link := range links {
		source, okSource := strings.CutPrefix(link.Source, "native/")
		target, okTarget := strings.CutPrefix(link.Target, "native/")
		if !okSource || !okTarget || !filepath.IsLocal(source) || !filepath.IsLocal(target) {
			return nil, fmt.Errorf("pg-symlinks.json: %q -> %q leads out of the package", link.Target, link.Source)
		}
		links[i] = npmLink{source, target}
	}
	return links, nil
}

// makeLinks makes them inside the package, whatever links are there already.
func makeLinks(native string, links []npmLink) error {
	root, err := os.OpenRoot(native)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, link := range links {
		if _, err := root.Lstat(link.Target); err == nil {
			continue
		}
		source, err := filepath.Rel(filepath.Dir(link.Target), link.Source)
		if err != nil {
			return err
		}
		if err := root.Symlink(source, link.Target); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// npmCopyName is by the package's version, so that an update is copied anew.
func npmCopyName(native string) string {
	var manifest struct{ Version string }
	content, err := os.ReadFile(filepath.Join(filepath.Dir(native), "package.json"))
	if err != nil || json.Unmarshal(content, &manifest) != nil || !filepath.IsLocal(manifest.Version) {
		manifest.Version = "unknown"
	}
	return "npm-" + strings.ReplaceAll(manifest.Version, string(filepath.Separator), "_")
}
