package templates

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

const maxFile = 64 << 10 // bytes

// Error is one mistake in one template file.
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

// ErrNoFiles is Load's error for a folder without any template.
var ErrNoFiles = errors.New("the folder of templates has no *.yaml file")

// digest tells whether a set of files changed.
type digest [sha256.Size]byte

type file struct {
	name    string
	content []byte
	broken  string // why it can't be read
}

// Load reads all *.yaml files at the root of fsys. Its error joins one *Error for each mistake in any file,
// sorted by file and line; files whose name begins with a dot (editors leave them) are passed over.
func Load(fsys fs.FS) (*Catalogue, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	return build(files)
}

func readFiles(fsys fs.FS) ([]file, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the folder of templates: %w", err)
	}
	var files []file
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
		case path.Ext(name) == ".yml":
			files = append(files,
				file{name: name, broken: "call it " + strings.TrimSuffix(name, "yml") + "yaml: only *.yaml is read"})
		case path.Ext(name) == ".yaml":
			f := file{name: name}
			if f.content, err = readFile(fsys, name); err != nil {
				f.broken = err.Error()
				if e.Type()&fs.ModeSymlink != 0 {
					f.broken += "; a link must lead to a file inside the folder, by a relative path"
				}
			}
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		return nil, ErrNoFiles
	}
	return files, nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, errors.New("is not a regular file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	if len(content) > maxFile {
		return nil, errors.New("is larger than 64 KiB; a template file is never that large")
	}
	return content, nil
}

func build(files []file) (*Catalogue, error) {
	c := &Catalogue{find: map[string]*Template{}, digest: sum(files)}
	var errs []*Error
	var drafts []*draft
	for _, f := range files {
		if f.broken != "" {
			errs = append(errs, &Error{f.name, 0, f.broken})
			continue
		}
		d := read(f.name, f.content)
		drafts = append(drafts, d)
		c.sorted = append(c.sorted, d.template)
		c.find[d.template.ID], c.find[d.template.Name] = d.template, d.template
	}
	sameNames(drafts)
	for _, d := range drafts {
		errs = append(errs, d.errs...)
	}
	if len(errs) > 0 {
		return nil, join(errs)
	}
	slices.SortFunc(c.sorted, func(a, b *Template) int { return cmp.Compare(a.Name, b.Name) })
	c.names = slices.AppendSeq(make([]string, 0, len(c.find)), maps.Keys(c.find))
	slices.Sort(c.names)
	c.counts = make(map[string]int, len(c.find))
	for name, t := range c.find {
		c.counts[name] = len(t.Params)
	}
	return c, nil
}

// sameNames refuses an id or a name that already means another template.
func sameNames(drafts []*draft) {
	type owner struct {
		key, file string
		line      int
	}
	owners := map[string]owner{}
	for _, d := range drafts {
		for _, key := range []string{"id", "name"} {
			t, ok := d.texts[key]
			if !ok {
				continue
			}
			if o, taken := owners[t.value]; taken && o.file != d.file {
				d.fail(t.line, "%s %s is already the %s in %s:%d", key, quote(t.value), o.key, o.file, o.line)
				continue
			}
			owners[t.value] = owner{key, d.file, t.line}
		}
	}
}

// join makes one error of many, or nil of none.
func join(list []*Error) error {
	slices.SortStableFunc(list, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	errs := make([]error, len(list))
	for i, e := range list {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// sum writes the length before each part, so that no two sets of files look alike.
func sum(files []file) (d digest) {
	h := sha256.New()
	for _, f := range files {
		for _, part := range [][]byte{[]byte(f.name), f.content} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			h.Write(part)
		}
	}
	h.Sum(d[:0])
	return d
}
