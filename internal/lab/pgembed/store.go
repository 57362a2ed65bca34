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
// root's is outside of root's home, which the server's account can't enter. What is in it stays this user's: the
// account reads and runs it.
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
	if _, err := trusted(path); err == nil {
		return path, nil
	}
	if err := s.makeDirs(); err != nil {
		return "", err
	}
	lock, err := waitForLock(ctx, s.lock())
	if err != nil {
		return "", fmt.Errorf("wait for another process to fill %s: %w", s.dir, err)
	}
	defer lock.lock.Close()
	return path, s.fillLocked(path, fill)
}

// lock is a folder that nobody else can lock, because nobody else can open it.
func (s store) lock() string { return filepath.Join(s.dir, "lock") }

// makeDirs makes the store, where nobody else could lead it elsewhere.
func (s store) makeDirs() error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if _, err := trusted(s.dir); err != nil {
		return err
	}
	if err := os.Mkdir(s.lock(), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if !s.owner.dropped {
		return nil
	}
	// Whatever root's umask is, the account has to get in.
	return errors.Join(os.Chmod(filepath.Dir(s.dir), 0o755), os.Chmod(s.dir, 0o755))
}

// fillLocked fills a folder that isn't there, or isn't this user's alone.
func (s store) fillLocked(path string, fill func(dir string) error) error {
	if _, err := trusted(path); err == nil {
		return nil
	}
	unfinished := filepath.Join(s.dir, "unfinished")
	if err := errors.Join(os.RemoveAll(path), os.RemoveAll(unfinished)); err != nil {
		return err
	}
	err := os.Mkdir(unfinished, 0o700)
	if err == nil {
		err = fill(unfinished)
	}
	if err == nil {
		err = setModes(unfinished)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(unfinished))
	}
	return os.Rename(unfinished, path)
}

// setModes lets everybody read and run what is in a folder, and only its owner change it, whatever the modes were where
// it came from.
func setModes(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() == fs.ModeSymlink {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode().Perm()&0o111 != 0 {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}
