package conventions

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// repoRoot is the repository, seen from this folder.
const repoRoot = "../../.."

// goFile is one file of Go, read and parsed.
type goFile struct {
	pkg, file string // "internal/channel/wechat", "token.go"
	test      bool
	text      string
	syntax    *ast.File
	set       *token.FileSet
}

func (s goFile) path() string { return s.pkg + "/" + s.file }

// line is the number of the line that a position is in.
func (s goFile) line(pos token.Pos) int { return s.set.Position(pos).Line }

// height is how many lines a node takes.
func (s goFile) height(from, to token.Pos) int { return s.line(to) - s.line(from) + 1 }

// files calls see with every file of the repository whose name ends so.
func files(t *testing.T, suffix string, see func(name string)) {
	t.Helper()
	err := filepath.WalkDir(repoRoot, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"
		if d.IsDir() && name != repoRoot && hidden {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, suffix) {
			name, _ = filepath.Rel(repoRoot, name)
			see(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	read      sync.Once
	everyFile []goFile
)

// goFiles is every Go file of the repository, for whatever system it is. All tests share one reading.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	read.Do(func() {
		set := token.NewFileSet()
		files(t, ".go", func(name string) {
			everyFile = append(everyFile, parsed(t, set, name, repoFile(t, name)))
		})
	})
	if len(everyFile) < 50 {
		t.Fatalf("only %d Go files found below %s", len(everyFile), repoRoot)
	}
	return everyFile
}

func parsed(t *testing.T, set *token.FileSet, name, text string) goFile {
	t.Helper()
	syntax, err := parser.ParseFile(set, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	pkg, file := filepath.Split(name)
	return goFile{strings.TrimSuffix(pkg, "/"), file, strings.HasSuffix(name, "_test.go"), text, syntax, set}
}

// repoFile returns a file of the repository.
func repoFile(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repoRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
