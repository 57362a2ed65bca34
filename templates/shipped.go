package templates

import (
	"embed"
	"fmt"
)

// FS is the shipped template files.
//
//go:embed *.yaml
var FS embed.FS

// Shipped returns the catalogue that is built into the binary.
func Shipped() *Catalogue {
	c, err := Load(FS)
	if err != nil {
		// A test loads these very files, so a binary with a broken one is never released.
		panic(fmt.Sprintf("templates: the shipped files are broken: %v", err))
	}
	return c
}
