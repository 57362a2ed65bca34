package fields

import (
	"fmt"
	"io/fs"

	"github.com/submsg/submsg/templates"
)

// Load reads template files that are all sent by WeChat, whatever account they name.
func Load(fsys fs.FS) (*templates.Catalogue, error) {
	return templates.Load(fsys, func(string) templates.Keys { return Keys })
}

// Shipped returns the catalogue that is built into the binary: its templates are WeChat's.
func Shipped() *templates.Catalogue {
	c, err := Load(templates.FS)
	if err != nil {
		// A test loads these very files, so a binary with a broken one is never released.
		panic(fmt.Sprintf("fields: the shipped template files are broken: %v", err))
	}
	return c
}
