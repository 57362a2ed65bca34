package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// envMirror is the base URL of a Maven repository with io.zonky.test.postgres; "" is the central one.
const envMirror = "SUBMSG_POSTGRES_MIRROR"

// downloadVersion is the release to download.
const downloadVersion = embedded.V18

// download fetches the binaries for this system into the store, some 20 MB.
func (f *finder) download(ctx context.Context) (binaries, error) {
	dir, err := f.store.add(ctx, string(downloadVersion), func(dir string) error {
		return fetch(dir, f.getenv(envMirror))
	})
	if err != nil {
		return binaries{}, err
	}
	return f.probe(ctx, filepath.Join(dir, "bin"))
}

// fetch has embedded-postgres download and unpack. That library knows the systems' names, archives and checksums, but
// offers only to do it all: download, unpack, initdb, start. A data directory that can't be removed ends it right after
// unpacking, before it runs anything, so this works for root, for whom initdb would refuse.
func fetch(dir, mirror string) error {
	config := embedded.DefaultConfig().
		Version(downloadVersion).
		CachePath(filepath.Join(dir, "archive")).
		RuntimePath(filepath.Join(dir, "runtime")).
		BinariesPath(dir).
		DataPath(dir + "/.").
		Port(0)
	if mirror != "" {
		config = config.BinaryRepositoryURL(mirror)
	}
	logs := libraryLogs()
	err := embedded.NewDatabase(config).Start()
	for _, log := range libraryLogs() { // it leaves its own, an empty one, behind
		if !slices.Contains(logs, log) {
			_ = os.Remove(log)
		}
	}
	if _, statErr := os.Stat(dir); statErr != nil {
		return fmt.Errorf("%w (%s may name another Maven repository)", err, envMirror)
	}
	if _, statErr := os.Stat(filepath.Join(dir, "bin", "initdb")); statErr != nil {
		return fmt.Errorf("no initdb in the archive: %w", err)
	}
	return errors.Join(os.RemoveAll(filepath.Join(dir, "archive")), os.RemoveAll(filepath.Join(dir, "runtime")))
}

// libraryLogs are the logs that embedded-postgres has made, by whatever process.
func libraryLogs() []string {
	logs, _ := filepath.Glob(filepath.Join(os.TempDir(), "embedded_postgres_log*"))
	return logs
}
