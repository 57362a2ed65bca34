package migrations

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// build is the files of one submsg: of this one, or of another one that a test makes.
type build struct{ fs.FS }

var this = build{FS}

// latest is the version that its numbered files lead to.
func (b build) latest() (latest int) {
	ups, _ := fs.Glob(b, "*.up.sql")
	for _, name := range ups {
		latest = max(latest, number(name))
	}
	return latest
}

// number is the version that a numbered file is of.
func number(name string) int {
	n, _ := strconv.Atoi(name[:strings.IndexByte(name, '_')])
	return n
}

var oldestLine = regexp.MustCompile(`(?m)^-- oldest submsg: (\d+)$`)

// oldest is the oldest submsg that works with a version: the greatest that the files up to it name.
func (b build) oldest(version int) (oldest int) {
	ups, _ := fs.Glob(b, "*.up.sql")
	for _, name := range ups {
		text, _ := fs.ReadFile(b, name)
		if line := oldestLine.FindSubmatch(text); line != nil && number(name) <= version {
			n, _ := strconv.Atoi(string(line[1]))
			oldest = max(oldest, n)
		}
	}
	return oldest
}

// file is one of objects/ or example/. SUBMSG_SCHEMA in its text stands for the schema. Its hash is of the text with
// the settings, so that functions are made again when only these have changed.
type file struct{ path, text, hash string }

func (b build) read(path string) (file, error) {
	text, err := fs.ReadFile(b, path)
	if err != nil {
		return file{}, err
	}
	settings, err := b.settings()
	whole := strings.ReplaceAll(string(text), "SUBMSG_SETTINGS", settings)
	hash := sha256.Sum256([]byte(whole))
	return file{path, whole, hex.EncodeToString(hash[:])}, err
}

var comment = regexp.MustCompile(`--.*`)

// settings is what SUBMSG_SETTINGS stands for: one line, so that errors tell the line of the file.
func (b build) settings() (string, error) {
	text, err := fs.ReadFile(b, "objects/settings.txt")
	if errors.Is(err, fs.ErrNotExist) { // a test's build may do without
		return "", nil
	}
	return strings.Join(strings.Fields(comment.ReplaceAllString(string(text), "")), " "), err
}

// objects reads the files of objects/ in the order in which they are applied: folder by folder, and those in none last.
// These make triggers on the tables, which stop inserts until the end: what else has to be waited for comes before.
func (b build) objects() (files []file, err error) {
	var paths []string
	err = fs.WalkDir(b, "objects", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".sql") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the objects: %w", err)
	}
	slices.SortFunc(paths, func(a, b string) int {
		root := func(path string) int { return 1 - min(strings.Count(path, "/")-1, 1) }
		return cmp.Or(root(a)-root(b), strings.Compare(a, b))
	})
	for _, path := range paths {
		f, err := b.read(path)
		if err != nil {
			return nil, fmt.Errorf("read the objects: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

// in is SQL with the schema's name, as SQL writes it, in its place.
func in(schema, sql string) string { return strings.ReplaceAll(sql, "SUBMSG_SCHEMA", schema) }

var madeObject = regexp.MustCompile(`(?mi)^CREATE (?:OR REPLACE )?(FUNCTION|VIEW|TRIGGER) (?:SUBMSG_SCHEMA\.)?(\w+)`)

// made is the names of the functions, views or triggers that the files make, as Postgres stores them.
func made(kind string, files []file) (names []string) {
	for _, f := range files {
		for _, m := range madeObject.FindAllStringSubmatch(f.text, -1) {
			if strings.EqualFold(m[1], kind) {
				names = append(names, strings.ToLower(m[2]))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
