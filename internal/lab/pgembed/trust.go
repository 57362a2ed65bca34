package pgembed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// trusted returns the real name of a path, without links, if only root, this user and the users in also could lead it
// elsewhere or put something else in its place: they own it and every folder and link on the way, and nobody else may
// write there. The real name then stays what it is, however often it is looked up. The error says who could change it.
func trusted(path string, also ...int) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	root, err := os.Lstat("/")
	if err != nil {
		return "", err
	}
	// In a user namespace root may have another number, which the machine's folders show.
	owners := append([]int{os.Geteuid(), ownerOf(root)}, also...)
	real, ahead, links := "/", strings.Split(path, "/"), 0
	for len(ahead) > 0 {
		next := filepath.Join(real, ahead[0])
		ahead = ahead[1:]
		info, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if who := intruder(info, owners); who != "" {
			return "", fmt.Errorf("%s can't be trusted: %s could change it", next, who)
		}
		if info.Mode()&os.ModeSymlink == 0 {
			real = next
			continue
		}
		target, err := os.Readlink(next)
		if links++; err != nil || links > 40 {
			return "", errors.Join(err, fmt.Errorf("%s: too many links", path))
		}
		if filepath.IsAbs(target) {
			real = "/"
		}
		ahead = append(strings.Split(target, "/"), ahead...)
	}
	return real, nil
}

// intruder is who, besides the owners, could change a file or link, or exchange the entries of a folder; "" is nobody.
// A group that shares its folders with this user trusts its members, but root belongs to no such group.
func intruder(info os.FileInfo, owners []int) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	switch {
	case !ok:
		return "somebody unknown"
	case !slices.Contains(owners, int(stat.Uid)):
		return fmt.Sprintf("its owner, user %d,", stat.Uid)
	case mode&os.ModeSymlink != 0, mode.IsDir() && mode&os.ModeSticky != 0:
		return "" // what is in a folder like /tmp is its owner's alone, and so is every link
	case mode.Perm()&0o002 != 0:
		return "everybody"
	case mode.Perm()&0o020 != 0 && os.Geteuid() == 0 && int(stat.Gid) != os.Getegid():
		return fmt.Sprintf("group %d", stat.Gid)
	}
	return ""
}

// ownerOf is the user number of a file's owner, -1 if the system can't tell.
func ownerOf(info os.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}
