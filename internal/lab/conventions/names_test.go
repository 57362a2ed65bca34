package conventions

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// images are words that say by a picture what a name should say plainly. A newcomer can't guess what such a file holds.
var images = list("apart deaf home hungry sated shun sing")

var word = regexp.MustCompile(`[A-Z]?[a-z]+`)

func TestNamesAreNoImages(t *testing.T) {
	for _, s := range goFiles(t) {
		for _, name := range []string{path.Base(s.pkg), strings.TrimSuffix(s.file, ".go")} {
			for _, w := range word.FindAllString(name, -1) {
				if slices.Contains(images, strings.ToLower(w)) {
					t.Errorf("%s: %q is an image, name it by what it holds", s.path(), w)
				}
			}
		}
	}
}

// maxCommandFiles is how many files cmd/submsg may have. The commands' work stands elsewhere.
const maxCommandFiles = 12

func TestCommandIsSmall(t *testing.T) {
	var found []string
	for _, s := range goFiles(t) {
		if !s.test && (s.pkg == "cmd/submsg" || strings.HasPrefix(s.pkg, "cmd/submsg/")) {
			found = append(found, s.path())
		}
	}
	if len(found) == 0 || len(found) > maxCommandFiles {
		t.Errorf("%d files in cmd/submsg, want 1 to %d: %q", len(found), maxCommandFiles, found)
	}
}

// topLevel is all that the root may hold, but for dotfiles and what .gitignore keeps out.
var topLevel = list(`CHANGELOG.md Dockerfile LICENSE README.md README.zh-CN.md cmd docker-compose.wechat.yml docker-compose.yml go.mod go.sum
	internal migrations outbox templates`)

func TestTopLevel(t *testing.T) {
	allowed := append(slices.Clone(topLevel), ".*")
	for line := range strings.Lines(repoFile(t, ".gitignore")) {
		allowed = append(allowed, strings.Trim(line, "/\n"))
	}
	entries, err := os.ReadDir(repoRoot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fits := func(pattern string) bool { ok, _ := path.Match(pattern, e.Name()); return ok }
		if !slices.ContainsFunc(allowed, fits) {
			t.Errorf("%s has no place at the root", e.Name())
		}
	}
	for _, name := range topLevel {
		if _, err := os.Stat(filepath.Join(repoRoot, name)); err != nil {
			t.Error(err)
		}
	}
}
