package templates

import (
	"cmp"
	"io/fs"
	"maps"
	"slices"

	"github.com/submsg/submsg/internal/yamlfiles"
)

// Error is one mistake in one template file.
type Error = yamlfiles.Error

// ErrNoFiles is Load's error for a folder without any template.
var ErrNoFiles = yamlfiles.ErrNoFiles

// Folder is a folder on disk as Load takes it: a link that leads out of it is an error.
type Folder = yamlfiles.Folder

// thing is what a template file holds.
const thing = "template"

// How sentences about mistakes show a value.
var (
	quote   = yamlfiles.Quote
	shorten = yamlfiles.Shorten
	suggest = yamlfiles.Suggest
)

// Load reads all *.yaml files at the root of fsys. Its error joins one *Error for each mistake in any file,
// sorted by file and line; files whose name begins with a dot (editors leave them) are passed over. keysOf returns what
// checks the data of a template that names this account; "" is one that names none.
func Load(fsys fs.FS, keysOf func(account string) Keys) (*Catalogue, error) {
	return LoadAgain(fsys, keysOf, nil)
}

// LoadAgain returns the catalogue that was loaded last where the files are still the same, and otherwise what Load
// does. last is nil where an account may have other keys than then.
func LoadAgain(fsys fs.FS, keysOf func(account string) Keys, last *Catalogue) (*Catalogue, error) {
	files, err := yamlfiles.Read(fsys, thing)
	if err != nil {
		return nil, err
	}
	if last != nil && yamlfiles.Sum(files) == last.digest {
		return last, nil
	}
	return build(files, keysOf)
}

func build(files []yamlfiles.File, keysOf func(account string) Keys) (*Catalogue, error) {
	c := &Catalogue{find: map[string]*Template{}, digest: yamlfiles.Sum(files)}
	var errs []*Error
	var drafts []*draft
	for _, f := range files {
		if f.Broken != "" {
			errs = append(errs, &Error{File: f.Name, Reason: f.Broken})
			continue
		}
		d := read(f.Name, f.Content, keysOf)
		drafts = append(drafts, d)
		c.sorted = append(c.sorted, d.template)
		c.find[d.template.ID], c.find[d.template.Name] = d.template, d.template
	}
	sameNames(drafts)
	for _, d := range drafts {
		errs = append(errs, d.Errs...)
	}
	if len(errs) > 0 {
		return nil, yamlfiles.Join(errs)
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
			if o, taken := owners[t.Value]; taken && o.file != d.File {
				d.Fail(t.Line, "%s %s is already the %s in %s:%d", key, quote(t.Value), o.key, o.file, o.line)
				continue
			}
			owners[t.Value] = owner{key, d.File, t.Line}
		}
	}
}
