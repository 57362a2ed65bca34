package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	minMajor = 14
	envBin   = "SUBMSG_POSTGRES_BIN"
	// probeTimeout bounds a program that only looks something up.
	probeTimeout = 20 * time.Second
)

// binaries is a folder with initdb and postgres that the server's account can run.
type binaries struct {
	dir     string
	version version
}

// finder looks for binaries. Its fields are the machine as it sees it.
type finder struct {
	owner  account
	root   string // "/", but for tests
	cwd    string
	getenv func(string) string
	store  store
}

func find(ctx context.Context, dir string, owner account) (binaries, error) {
	cwd, _ := os.Getwd() // without one there are no node_modules
	f := &finder{owner: owner, root: "/", cwd: cwd, getenv: os.Getenv, store: newStore(owner)}
	return f.find(ctx, dir)
}

// find takes what the caller or the environment names, and nothing else if they do; then the places of this machine in
// their order; then a download. The error says where it looked and what to do.
func (f *finder) find(ctx context.Context, dir string) (binaries, error) {
	if dir == "" {
		dir = f.getenv(envBin)
	}
	if dir != "" {
		b, err := f.probe(ctx, dir)
		if err != nil {
			return binaries{}, fmt.Errorf("PostgreSQL binaries in %s: %w", dir, err)
		}
		return b, nil
	}
	var looked []string
	for _, p := range f.places() {
		b, report := f.newest(ctx, p)
		if b.dir != "" {
			return b, nil
		}
		looked = append(looked, report...)
		if err := ctx.Err(); err != nil {
			return binaries{}, err
		}
	}
	b, err := f.download(ctx)
	if err == nil {
		return b, nil
	}
	return binaries{}, notFoundError(append(looked, "download: "+err.Error()))
}

// newest is the best of one place's folders; the report says what was wrong with each if none will do.
func (f *finder) newest(ctx context.Context, p place) (best binaries, report []string) {
	for _, dir := range p.dirs(ctx) {
		b, err := f.probe(ctx, dir)
		if err != nil {
			report = append(report, fmt.Sprintf("%s: %v", dir, err))
		} else if best.dir == "" || best.version.less(b.version) {
			best = b
		}
	}
	if len(report) == 0 {
		report = []string{p.name + ": nothing there"}
	}
	return best, report
}

// probe runs the binaries' own --version as the account that the server will have. It runs nothing that somebody else
// could exchange.
func (f *finder) probe(ctx context.Context, dir string) (binaries, error) {
	dir, err := trusted(dir)
	if errors.Is(err, os.ErrNotExist) {
		return binaries{}, errors.New("no initdb there")
	} else if err != nil {
		return binaries{}, err
	}
	for _, file := range []string{"initdb", "postgres", "../lib", "../share"} {
		_, err := trusted(filepath.Join(dir, file))
		if errors.Is(err, os.ErrNotExist) && file == "initdb" {
			return binaries{}, errors.New("no initdb there")
		} else if err != nil && !errors.Is(err, os.ErrNotExist) {
			return binaries{}, err
		}
	}
	if dir, err = f.mend(ctx, dir); err != nil {
		return binaries{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	out, err := f.owner.output(ctx, "", filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return binaries{}, fmt.Errorf("%s can't run it: %w", f.owner.name, err)
	}
	v, err := parseVersion(out)
	if err != nil {
		return binaries{}, err
	}
	if v.major < minMajor {
		return binaries{}, fmt.Errorf("PostgreSQL %s is too old, %d or later is needed", v, minMajor)
	}
	return binaries{dir, v}, nil
}

func notFoundError(looked []string) error {
	return fmt.Errorf(`no PostgreSQL binaries (initdb and postgres, version %d or later) on this machine. Looked at:
	%s
Ways out:
	install them: apt install postgresql | dnf install postgresql-server | brew install postgresql@18
	or name their folder: %s=/path/to/bin
	or use a server that is already there: DATABASE_URL=postgres://… (for tests: TEST_DATABASE_URL)
	or run one in a container: docker compose up`, minMajor, strings.Join(looked, "\n\t"), envBin)
}
