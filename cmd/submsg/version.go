package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/submsg/submsg/migrations"
)

type versionCmd struct{}

func (versionCmd) Run(term terminal) error {
	fmt.Fprintf(term.out, "submsg %s, schema %d, %s %s/%s\n", version(), migrations.Latest(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// release is set by the release build: -ldflags "-X main.release=v1.2.3".
var release string

// version is the release, else what the Go tool knows of the source.
func version() string {
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
