package pgembed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	// envMirror is the base URL of a Maven repository with io.zonky.test.postgres.
	envMirror = "SUBMSG_POSTGRES_MIRROR"
	// centralRepository is the one that is used without it.
	centralRepository = "https://repo1.maven.org/maven2"
	// downloadVersion is the release to download.
	downloadVersion = "18.3.0"
)

// What a download may be at most. The archives have some 20 MB, and unpacked some 60.
const (
	downloadTimeout = 10 * time.Minute
	mostDownloaded  = 128 << 20
	mostUnpacked    = 1 << 30
	mostFiles       = 20000
)

// download fetches the binaries for this system into the store, some 20 MB.
func (f *finder) download(ctx context.Context) (binaries, error) {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	dir, err := f.store.add(ctx, downloadVersion, func(dir string) error {
		repository := f.getenv(envMirror)
		if repository == "" {
			repository = centralRepository
		}
		jar, err := fetchJar(ctx, repository)
		if err != nil {
			return err
		}
		if err := unpackJar(jar, dir); err != nil {
			return fmt.Errorf("the archive: %w", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "bin", "initdb")); err != nil {
			return errors.New("no initdb in the archive")
		}
		return nil
	})
	if err != nil {
		return binaries{}, err
	}
	return f.probe(ctx, filepath.Join(dir, "bin"))
}

// fetchJar downloads the archive for this system, and compares it with the checksum beside it.
func fetchJar(ctx context.Context, repository string) ([]byte, error) {
	artifact := "embedded-postgres-binaries-" + runtime.GOOS + "-" + mavenArch()
	url := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%[2]s-%[3]s.jar", strings.TrimSuffix(repository, "/"),
		artifact, downloadVersion)
	jar, err := fetch(ctx, url, mostDownloaded)
	if err != nil {
		return nil, fmt.Errorf("%w (%s may name another Maven repository)", err, envMirror)
	}
	checksum, err := fetch(ctx, url+".sha256", 1<<10)
	if err != nil {
		return nil, fmt.Errorf("without its checksum an archive isn't used: %w", err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(jar))
	if said := strings.Fields(string(checksum)); len(said) == 0 || !strings.EqualFold(said[0], sum) {
		return nil, fmt.Errorf("the checksum of %s is not the one beside it", url)
	}
	return jar, nil
}

func fetch(ctx context.Context, url string, most int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > 10 || next.URL.Scheme != request.URL.Scheme {
			return fmt.Errorf("%s leads to %s", url, next.URL.Redacted())
		}
		return nil
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	var content bytes.Buffer
	n, err := io.Copy(&content, io.LimitReader(response.Body, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("%s has more than %d bytes", url, most)
	}
	return content.Bytes(), err
}

// mavenArch is this machine's architecture in the repository's words.
func mavenArch() string {
	arch := runtime.GOARCH
	if theirs, ok := map[string]string{"arm64": "arm64v8", "arm": "arm32v7", "386": "i386"}[arch]; ok {
		arch = theirs
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		arch += "-alpine"
	}
	return arch
}
