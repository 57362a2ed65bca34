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

// owner is the user number of the directory's owner.
func (d *lockedDir) owner() int {
	info, err := d.lock.Stat()
	if err != nil {
		return -1
	}
	return ownerOf(info)
}

// handOver gives the directory to the account, by its handle: from here on this process writes nothing in it.
func (d *lockedDir) handOver(owner account) error {
	if !owner.dropped {
		return nil
	}
	if err := d.lock.Chown(owner.uid, owner.gid); err != nil {
		return errors.Join(err, errors.New("root can't give files away here (a user namespace with one user?): "+
			"run as an ordinary user, or set DATABASE_URL to a server that is already there"))
	}
	return nil
}

// dataDirWait is how long a DataDir may stay locked: the server of a killed process needs a moment to shut down.
const dataDirWait = 5 * time.Second

// openDataDir makes the directory that keeps a server's data between runs, if need be, and locks it.
func openDataDir(ctx context.Context, path string, owner account) (*lockedDir, error) {
	path, made, err := makeDataDir(path, owner)
	if err == nil {
		path, err = trusted(path, owner.uid)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, dataDirWait)
	defer cancel()
	d, err := waitForLock(ctx, path)
	if errors.Is(err, errInUse) {
		return nil, fmt.Errorf("data directory %s is in use by another process: "+
			"stop that one, or use another directory", path)
	} else if err != nil {
		return nil, err
	}
	if made {
		err = d.handOver(owner)
	}
	if err == nil {
		err = owner.accepts(d)
	}
	if err != nil {
		return nil, errors.Join(err, d.lock.Close())
	}
	return d, nil
}

// accepts tells why the account can't keep data in a directory.
func (a account) accepts(d *lockedDir) error {
	switch {
	case !a.reaches(d.path):
		return fmt.Errorf("data directory %s: %s, as whom the server runs, can't enter it: "+
			"use a directory outside of private ones like /root", d.path, a.name)
	case d.owner() != a.uid:
		return fmt.Errorf("data directory %s belongs to user %d, and the server runs as %s: "+
			"use one that isn't there yet, or chown -R %d:%d %[1]q", d.path, d.owner(), a.name, a.uid, a.gid)
	}
	return nil
}

// makeDataDir makes the directory and those above it, where they lack, and returns the name to use. Root makes them
// only where nobody else could lead it elsewhere by a link.
func makeDataDir(path string, owner account) (real string, made bool, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return "", false, err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return path, false, err
	}
	there, lacks := filepath.Dir(path), filepath.Base(path)
	for {
		if _, err := os.Lstat(there); !errors.Is(err, os.ErrNotExist) {
			break
		}
		there, lacks = filepath.Dir(there), filepath.Join(filepath.Base(there), lacks)
	}
	if owner.dropped {
		if there, err = trusted(there); err != nil {
			return "", false, fmt.Errorf("%w; make %s yourself, for %s", err, path, owner.name)
		}
	}
	path = filepath.Join(there, lacks)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", false, err
	}
	err = os.Mkdir(path, 0o700)
	if errors.Is(err, os.ErrExist) { // another process was quicker
		return path, false, nil
	}
	return path, err == nil, err
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
