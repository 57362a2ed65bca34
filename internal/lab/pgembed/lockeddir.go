package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockedDir is a directory with a flock on itself. The reaper inherits the lock, so it is held
// exactly as long as somebody is responsible for the directory.
type lockedDir struct {
	path string
	lock *os.File
}

var errInUse = errors.New("in use")

// lockDir locks a directory without waiting; errInUse says that another process has it.
func lockDir(path string) (*lockedDir, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errInUse
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &lockedDir{path: path, lock: f}, nil
}

// stillThere is false when the directory was removed between its opening and its locking.
func (d *lockedDir) stillThere() bool {
	byPath, err := os.Lstat(d.path)
	if err != nil {
		return false
	}
	byHandle, err := d.lock.Stat()
	return err == nil && os.SameFile(byPath, byHandle)
}

// dataDirWait is how long a DataDir may stay locked: the server of a killed process needs a moment to shut down.
const dataDirWait = 5 * time.Second

// openDataDir makes the directory that keeps a server's data between runs, if need be, and locks it.
func openDataDir(ctx context.Context, path string, owner account) (*lockedDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(path, 0o700); err == nil {
		err = owner.own(path)
		if err != nil {
			return nil, err
		}
	} else if !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	if !owner.reaches(path) {
		return nil, fmt.Errorf("data directory %s: %s, as whom the server runs, can't enter it: "+
			"use a directory outside of private ones like /root", path, owner.name)
	}
	ctx, cancel := context.WithTimeout(ctx, dataDirWait)
	defer cancel()
	d, err := waitForLock(ctx, path)
	if errors.Is(err, errInUse) {
		return nil, fmt.Errorf("data directory %s is in use by another process: "+
			"stop that one, or use another directory", path)
	}
	return d, err
}

func waitForLock(ctx context.Context, path string) (*lockedDir, error) {
	for {
		d, err := lockDir(path)
		if !errors.Is(err, errInUse) {
			return d, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
