// Package yamlfiles reads folders of YAML files as strictly as people need it: every mistake has its file, its line and
// a reason, and all mistakes are told at once. It knows nothing of what the files mean: packages templates and account
// do.
//
// Begin with Read in this file, which reads a folder; yaml.go reads what one of its files holds.
package yamlfiles

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	// MaxFile is the most bytes that a file may have.
	MaxFile = 64 << 10
	// MaxFiles is how many files a folder may have.
	MaxFiles = 10_000
)

// Error is one mistake in one file.
type Error struct {
	File   string
	Line   int // from 1; 0 when the file as a whole is meant
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// ErrNoFiles is Read's error for a folder without any *.yaml file.
var ErrNoFiles = errors.New("the folder has no *.yaml file")

// File is one file of a folder.
type File struct {
	Name    string
	Content []byte
	Mode    fs.FileMode // of what was read
	Broken  string      // why it can't be read
}

// Read reads all *.yaml files at the root of fsys, of which each holds one thing, as it is called: a template. Files
// whose name begins with a dot (editors leave them) are passed over.
func Read(fsys fs.FS, thing string) ([]File, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the folder: %w", err)
	}
	var files []File
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		switch path.Ext(name) {
		case ".yml":
			files = append(files,
				File{Name: name, Broken: "call it " + strings.TrimSuffix(name, "yml") + "yaml: only *.yaml is read"})
		case ".yaml":
			f := readFile(fsys, name, thing)
			if f.Broken != "" && e.Type()&fs.ModeSymlink != 0 {
				f.Broken += "; a link must lead to a file inside the folder, by a relative path"
			}
			files = append(files, f)
		}
		if len(files) > MaxFiles {
			return nil, fmt.Errorf("the folder has more than %d *.yaml files", MaxFiles)
		}
	}
	if len(files) == 0 {
		return nil, ErrNoFiles
	}
	return files, nil
}

func readFile(fsys fs.FS, name, thing string) (f File) {
	f.Name = name
	broken := func(err error) File { return File{Name: name, Broken: fmt.Sprintf("can't be read: %v", err)} }
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return broken(err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return File{Name: name, Broken: "is not a regular file"}
	}
	opened, err := fsys.Open(name)
	if err != nil {
		return broken(err)
	}
	defer opened.Close()
	if info, err = opened.Stat(); err != nil {
		return broken(err)
	}
	f.Mode = info.Mode()
	if f.Content, err = io.ReadAll(io.LimitReader(opened, MaxFile+1)); err != nil {
		return broken(err)
	}
	if len(f.Content) > MaxFile {
		return File{Name: name, Broken: "is larger than 64 KiB; no " + thing + " is"}
	}
	return f
}

// Join makes one error of many, sorted by file and line, or nil of none.
func Join(list []*Error) error {
	slices.SortStableFunc(list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	errs := make([]error, len(list))
	for i, e := range list {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// Digest tells whether a set of files changed.
type Digest [sha256.Size]byte

// Sum is the digest of files. It writes the length before each part, so that no two sets of files look alike.
func Sum(files []File) (d Digest) {
	h := sha256.New()
	for _, f := range files {
		for _, part := range [][]byte{[]byte(f.Name), f.Content} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			h.Write(part)
		}
	}
	h.Sum(d[:0])
	return d
}
