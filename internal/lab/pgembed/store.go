package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// store is the folder for binaries that were downloaded or had to be copied. It is the user's cache;
// root's is outside of root's home, which the server's account can't enter.
type store struct {
	dir   string
	owner account
}

func newStore(owner account) store {
	cache := "/var/cache"
	if !owner.dropped {
		var err error
		if cache, err = os.UserCacheDir(); err != nil {
			cache = "" // add reports it
		}
	}
	return store{filepath.Join(cache, "submsg", "postgres"), owner}
}

// add fills a folder of the store once: several processes may want it at the same time, and one that is killed leaves
// nothing that looks complete.
func (s store) add(ctx context.Context, name string, fill func(dir string) error) (string, error) {
	if !filepath.IsAbs(s.dir) {
		return "", errors.New("no cache directory for this user: set HOME or XDG_CACHE_HOME")
	}
	path := filepath.Join(s.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := s.makeDir(); err != nil {
		return "", err
	}
	lock, err := waitForLock(ctx, s.dir)
	if err != nil {
		return "", fmt.Errorf("wait for another process to fill %s: %w", s.dir, err)
	}
	done := make(chan error, 1)
	go func() { // what fills it may know no context; then the lock stays with it
		defer lock.lock.Close()
		done <- s.fillLocked(path, fill)
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return path, err
}

func (s store) makeDir() error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil || !s.owner.dropped {
		return err
	}
	// Whatever root's umask is, the account has to get in.
	return errors.Join(os.Chmod(filepath.Dir(s.dir), 0o755), os.Chmod(s.dir, 0o755))
}

func (s store) fillLocked(path string, fill func(dir string) error) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	unfinished := filepath.Join(s.dir, "unfinished")
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	err := fill(unfinished)
	if err == nil {
		err = filepath.WalkDir(unfinished, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, s.owner.own(path))
		})
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(unfinished))
	}
	return os.Rename(unfinished, path)
}
