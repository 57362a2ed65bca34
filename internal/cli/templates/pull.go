package templates

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/accounts"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/templates"
)

// Pull is `submsg templates pull`.
type Pull struct {
	settings.Accounts
	Account string   `placeholder:"NAME" help:"The account whose templates they are; needed where there are several."`
	Dir     string   `env:"SUBMSG_TEMPLATES" default:"templates" type:"path" placeholder:"DIR" help:"Folder that files are written to; made if need be. Default: ./templates."`
	Force   bool     `help:"Write files anew that are there already; only their names are kept."`
	IDs     []string `arg:"" optional:"" name:"id" help:"WeChat's template ids; default all. Before one with a - at its front, write --."`
}

// Run writes the files, and says what became of each.
func (c *Pull) Run(ctx context.Context, term terminal.Terminal) error {
	folder, err := c.open()
	if err != nil {
		return err
	}
	a, listed, err := c.listed(ctx, term)
	if err != nil {
		return err
	}
	if listed, err = chosen(listed, c.IDs); err != nil {
		return err
	}
	if len(listed) == 0 {
		term.Out.Line("the WeChat account has no templates yet")
		return nil
	}
	t := terminal.NewTable("title", "file", "")
	var written, left, failed int
	for _, l := range listed {
		file, err := folder.pull(l, a.Keys())
		says := "written"
		switch {
		case errors.Is(err, errHasFile):
			left++
			says = "left alone: " + err.Error()
		case err != nil:
			failed++
			says = "not written: " + terminal.OneLine(err.Error())
		default:
			written++
		}
		t.Row(l.Title, file, says)
	}
	term.Out.Table(t)
	term.Out.Line("%d written, %d left alone. To use them: SUBMSG_TEMPLATES=%s", written, left, c.Dir)
	if failed > 0 {
		return fmt.Errorf("%d of %d templates not written", failed, len(listed))
	}
	return nil
}

// listed asks the account that is meant.
func (c *Pull) listed(ctx context.Context, term terminal.Terminal) (a *account.Account, listed []templates.Listed,
	err error) {
	all, err := c.Load(settings.Log{Level: "warn"}.Logger(term))
	if err != nil {
		return nil, nil, err
	}
	a = all[0]
	switch {
	case c.Account != "":
		if a, err = accounts.Named(all, c.Account); err != nil {
			return nil, nil, err
		}
	case len(all) > 1:
		return nil, nil, terminal.BadUsage("say whose templates, by --account: there are %s",
			terminal.Some(account.Names(all)))
	}
	listed, err = ListedOf(ctx, a, len(all) > 1, c.AllowHTTP)
	return a, listed, err
}

// chosen keeps the templates with these ids; without ids, all.
func chosen(listed []templates.Listed, ids []string) ([]templates.Listed, error) {
	if len(ids) == 0 {
		return listed, nil
	}
	var kept []templates.Listed
	for _, id := range ids {
		i := slices.IndexFunc(listed, func(l templates.Listed) bool { return l.ID == id })
		if i < 0 {
			return nil, terminal.BadUsage("the WeChat account has no template %q", id)
		}
		if !slices.ContainsFunc(kept, func(l templates.Listed) bool { return l.ID == id }) {
			kept = append(kept, listed[i])
		}
	}
	return kept, nil
}

// templateFolder is a folder of template files that others are added to.
type templateFolder struct {
	dir   string
	force bool
	files map[string]*templates.Template // by WeChat's id
	taken map[string]bool                // ids and names
}

// open reads the folder. A broken file in it is an error, because it may be that of any template.
func (c *Pull) open() (*templateFolder, error) {
	f := &templateFolder{c.Dir, c.Force, map[string]*templates.Template{}, map[string]bool{}}
	catalogue, err := settings.Templates{Dir: c.Dir}.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, templates.ErrNoFiles):
		return f, nil
	case err != nil:
		return nil, err
	}
	for _, t := range catalogue.All() {
		f.files[t.ID], f.taken[t.ID], f.taken[t.Name] = t, true, true
	}
	return f, nil
}

var errHasFile = errors.New("it has this file; --force writes it anew")

// pull writes the file of one template, unless it has one.
func (f *templateFolder) pull(l templates.Listed, keys templates.Keys) (file string, err error) {
	var name string
	if old, has := f.files[l.ID]; has {
		file, name = old.File, old.Name // which the application may write as templateId
		if !f.force {
			return file, errHasFile
		}
	} else if name, err = f.free(l); err != nil {
		return "", err
	} else {
		file = name + ".yaml"
	}
	content, err := l.File(name, keys)
	if err != nil {
		return "", err
	}
	f.taken[l.ID], f.taken[name] = true, true
	return file, write(f.dir, file, content)
}

// free finds a name that no template and no file has.
func (f *templateFolder) free(l templates.Listed) (string, error) {
	names := l.Names()
	for _, name := range names {
		_, err := os.Lstat(filepath.Join(f.dir, name+".yaml"))
		if !f.taken[name] && errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return "", fmt.Errorf("other templates or files have its names already: %s", strings.Join(names, ", "))
}

// write puts a finished file in its place, since a serve may be reading the folder; the dot keeps it from taking the
// unfinished one for a template.
func write(dir, file string, content []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unfinished := filepath.Join(dir, "."+file)
	err := os.WriteFile(unfinished, content, 0o644)
	if err == nil {
		err = os.Rename(unfinished, filepath.Join(dir, file))
	}
	if err != nil {
		_ = os.Remove(unfinished)
	}
	return err
}
