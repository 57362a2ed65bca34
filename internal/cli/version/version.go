// Package version knows which submsg this is: the release that the build names, or else what the Go tool knows of the
// source. It knows nothing of what the program does. Begin with String.
package version

import (
	"runtime"
	"runtime/debug"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/migrations"
)

// Command prints the version.
type Command struct{}

// Run prints it on one line, with the schema that this submsg knows.
func (Command) Run(term terminal.Terminal) error {
	term.Out.Line("submsg %s, schema %d, %s %s/%s", String(), migrations.Latest(), runtime.Version(), runtime.GOOS,
		runtime.GOARCH)
	return nil
}

// release is set by the release build: -ldflags "-X github.com/submsg/submsg/internal/cli/version.release=v1.2.3".
var release string

// String is the release, else what the Go tool knows of the source.
func String() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) > 12 {
			return "devel-" + s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}
