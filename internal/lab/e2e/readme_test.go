package e2e

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/mattn/go-runewidth"

	"github.com/submsg/submsg/cmd/submsg/command"
	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/lab/pgtest"
)

// The READMEs of the project, and the locale in which the demo speaks their language.
var readmes = map[string]string{"README.md": "C", "README.zh-CN.md": "zh_CN.UTF-8"}

const (
	maxReadme      = 240 // lines of a root README
	maxReadmeWidth = 160 // columns of every README's lines; a Chinese character takes two
)

func eachReadme(t *testing.T, test func(t *testing.T, name, text string)) {
	for name := range readmes {
		t.Run(name, func(t *testing.T) { test(t, name, repoFile(t, name)) })
	}
}

type codeBlock struct{ lang, text string }

var fenced = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

func codeBlocks(markdown string) (list []codeBlock) {
	for _, m := range fenced.FindAllStringSubmatch(markdown, -1) {
		list = append(list, codeBlock{m[1], m[2]})
	}
	return list
}

func blocksOf(t *testing.T, markdown, lang string) (texts []string) {
	t.Helper()
	for _, b := range codeBlocks(markdown) {
		if b.lang == lang {
			texts = append(texts, b.text)
		}
	}
	if len(texts) == 0 {
		t.Fatalf("no block of %s", lang)
	}
	return texts
}

// tableAfter is the rows below a table's head, each cell without quotes.
func tableAfter(t *testing.T, markdown, head string) (rows [][]string) {
	t.Helper()
	_, rest, ok := strings.Cut(markdown, "\n| "+head+" |")
	if !ok {
		t.Fatalf("no table whose head begins with %q", head)
	}
	_, rest, _ = strings.Cut(rest, "\n") // the rest of the head
	_, rest, _ = strings.Cut(rest, "\n") // the line below it
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|\n"), "|") {
			cells = append(cells, strings.Trim(cell, " `"))
		}
		rows = append(rows, cells)
	}
	return rows
}

func TestReadmeLengths(t *testing.T) {
	eachReadme(t, func(t *testing.T, name, text string) {
		if n := strings.Count(text, "\n"); n > maxReadme {
			t.Errorf("%d lines, more than %d: what needs room stands in a folder's README", n, maxReadme)
		}
	})
}

func TestReadmeConfiguration(t *testing.T) {
	_, serve := mustParse(t, "serve")
	type setting struct{ flag, value string }
	want := map[string]setting{}
	for variable, flag := range variables(serve) {
		if !flag.Hidden {
			want[variable] = setting{"--" + flag.Name, flag.Default}
		}
	}
	for head, name := range map[string]string{"variable": "README.md", "环境变量": "README.zh-CN.md"} {
		got := map[string]setting{}
		for _, row := range tableAfter(t, repoFile(t, name), head) {
			got[row[0]] = setting{row[1], row[2]}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(setting{})); diff != "" {
			t.Errorf("%s: settings (-code +README):\n%s", name, diff)
		}
	}
}

// statusWords are the constants of outbox.Status, in their order.
func statusWords(t *testing.T) (words []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repoRoot, "outbox", "message.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Status" {
			words = append(words, strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
		return false
	})
	return words
}

func TestReadmeStatuses(t *testing.T) {
	want := statusWords(t)
	eachReadme(t, func(t *testing.T, name, text string) {
		var got []string
		for _, row := range tableAfter(t, text, "sendStatus") {
			got = append(got, row[0])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("statuses (-code +README):\n%s", diff)
		}
	})
}

// What is no prose is the same in both languages, but for comments.
func TestReadmesAgree(t *testing.T) {
	comment := regexp.MustCompile(`(?m)\s*(--|#|//) .*$`)
	code := func(name string) (list []codeBlock) {
		for _, b := range codeBlocks(repoFile(t, name)) {
			if b.lang == "mermaid" || b.lang == "text" {
				b.text = "" // in the reader's language
			}
			list = append(list, codeBlock{b.lang, comment.ReplaceAllString(b.text, "")})
		}
		return list
	}
	if diff := cmp.Diff(code("README.md"), code("README.zh-CN.md"), cmp.AllowUnexported(codeBlock{})); diff != "" {
		t.Errorf("code blocks (-README.md +README.zh-CN.md):\n%s", diff)
	}
	sections := func(name string) int { return strings.Count(repoFile(t, name), "\n## ") }
	if en, zh := sections("README.md"), sections("README.zh-CN.md"); en != zh {
		t.Errorf("%d and %d sections", en, zh)
	}
}

func TestReadmeWidths(t *testing.T) {
	wide := runewidth.Condition{} // whatever the locale is, lines of boxes are one column wide
	for _, name := range everyReadme(t) {
		n := 0
		for line := range strings.Lines(repoFile(t, name)) {
			n++
			if width := wide.StringWidth(strings.TrimSuffix(line, "\n")); width > maxReadmeWidth {
				t.Errorf("%s:%d: %d columns, more than %d", name, n, width, maxReadmeWidth)
			}
		}
	}
}

// A link is [text](path), or [text] with a line [text]: path.
func TestReadmeLinks(t *testing.T) {
	link := regexp.MustCompile(`(?m)\]\(([^)]+)\)|^\[[^\]]+\]: (\S+)$`)
	for _, name := range everyReadme(t) {
		for _, m := range link.FindAllStringSubmatch(repoFile(t, name), -1) {
			target := m[1] + m[2]
			if strings.Contains(target, "://") {
				continue
			}
			path, section, _ := strings.Cut(target, "#")
			if path == "" { // a section of this file
				path = filepath.Base(name)
			}
			path = filepath.Join(filepath.Dir(name), path)
			if _, err := os.Stat(filepath.Join(repoRoot, path)); err != nil {
				t.Errorf("%s links to %s: %v", name, target, err)
				continue
			}
			if section == "" {
				continue
			}
			heading := regexp.MustCompile(`(?mi)^#+ ` + strings.ReplaceAll(section, "-", " ") + `$`)
			if !heading.MatchString(repoFile(t, path)) {
				t.Errorf("%s links to %s: there is no such section", name, target)
			}
		}
	}
}

// everyReadme is those of the folders too.
func everyReadme(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"README*.md", "*/README*.md", "*/*/README*.md", "*/*/*/README*.md"} {
		found, err := filepath.Glob(filepath.Join(repoRoot, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, _ := filepath.Rel(repoRoot, path)
			names = append(names, name)
		}
	}
	if len(names) < 4 {
		t.Fatalf("only %q found", names)
	}
	return names
}

// shellWords splits a line into the words of each of its commands, as far as READMEs need it.
func shellWords(line string) (commands [][]string) {
	words := regexp.MustCompile(`'([^']*)'|"([^"]*)"|&&|[|;&]|[^\s'"|;&]+`).FindAllStringSubmatch(line, -1)
	commands = append(commands, nil)
	last := func() *[]string { return &commands[len(commands)-1] }
	for _, m := range words {
		switch {
		case strings.HasPrefix(m[0], "#"):
			return commands
		case slices.Contains([]string{"&&", "|", ";", "&"}, m[0]):
			commands = append(commands, nil)
		case m[1] != "" || m[2] != "":
			*last() = append(*last(), m[1]+m[2])
		default:
			*last() = append(*last(), m[0])
		}
	}
	return commands
}

// submsgArgs is what a shell command says to submsg, and the variables that it sets for it; false if it is another
// program's.
func submsgArgs(words []string) (args, set []string, ours bool) {
	assignment := regexp.MustCompile(`^([A-Z_]+)=`)
	for len(words) > 0 && assignment.MatchString(words[0]) {
		set = append(set, assignment.FindStringSubmatch(words[0])[1])
		words = words[1:]
	}
	for _, name := range [][]string{{"submsg"}, {"./submsg"}, {"go", "run", "./cmd/submsg"}} {
		if len(words) >= len(name) && slices.Equal(words[:len(name)], name) {
			return words[len(name):], set, true
		}
	}
	return nil, nil, false
}

func TestReadmeCommands(t *testing.T) {
	n := 0
	for _, name := range everyReadme(t) {
		for _, block := range codeBlocks(repoFile(t, name)) {
			if block.lang != "" && block.lang != "sh" {
				continue
			}
			for line := range strings.Lines(strings.ReplaceAll(block.text, "\\\n", " ")) {
				for _, words := range shellWords(line) {
					args, set, ours := submsgArgs(words)
					if !ours {
						continue
					}
					n++
					_, command, err := parseCommand(t, args...)
					if err != nil {
						t.Errorf("%s: %q: %v", name, strings.TrimSpace(line), err)
						continue
					}
					for _, variable := range set {
						if _, ok := variables(command.Selected())[variable]; !ok {
							t.Errorf("%s: %q: submsg %s doesn't read %s", name, strings.TrimSpace(line),
								command.Command(), variable)
						}
					}
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d commands found", n)
	}
}

// The READMEs' SQL runs as it stands there, in order. Each statement does something, and every message it makes can be
// rendered.
func TestReadmeSQL(t *testing.T) {
	eachReadme(t, func(t *testing.T, name, text string) {
		conn, err := pgx.Connect(t.Context(), pgtest.DB(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		for _, sql := range blocksOf(t, text, "sql") {
			results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
			if err != nil {
				t.Fatalf("%v\n%s", err, sql)
			}
			for i, result := range results {
				if result.CommandTag.RowsAffected() == 0 && result.CommandTag.String() != "CREATE TABLE" {
					t.Errorf("statement %d touches no row:\n%s", i+1, sql)
				}
			}
		}
		rows, _ := conn.Query(t.Context(), `SELECT templateId, parameterArr FROM subMsgList`) // its error comes from CollectRows
		type message struct {
			Template string
			Params   []string
		}
		messages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[message])
		if err != nil || len(messages) != 3 {
			t.Errorf("%d messages, error %v", len(messages), err)
		}
		for _, m := range messages {
			template, ok := fields.Shipped().Find(m.Template)
			if !ok {
				t.Errorf("no template %s", m.Template)
				continue
			}
			if _, err := template.Render(m.Params, ""); err != nil {
				t.Errorf("%q: %v", m.Params, err)
			}
		}
	})
}

// The READMEs' Go stands in an example, which is compiled and run.
func TestReadmeGo(t *testing.T) {
	example := strings.ReplaceAll(repoFile(t, "outbox/example_test.go"), "\n\t", "\n")
	eachReadme(t, func(t *testing.T, name, text string) {
		for _, code := range blocksOf(t, text, "go") {
			if !strings.Contains(example, code) {
				t.Errorf("not in outbox/example_test.go:\n%s", code)
			}
		}
	})
}

// What the READMEs show of the demo is what it prints.
func TestReadmeDemo(t *testing.T) {
	eachReadme(t, func(t *testing.T, name, text string) {
		t.Setenv("LC_ALL", readmes[name])
		var out, errs bytes.Buffer
		if code := run([]string{"demo", "--once"}, "", &out, &errs); code != command.ExitOK {
			t.Fatalf("the demo ends with %d: %s", code, errs.String())
		}
		for _, excerpt := range blocksOf(t, text, "text") {
			if !strings.Contains(out.String(), excerpt) {
				t.Errorf("the demo prints no such thing:\n%s\nbut:\n%s", excerpt, out.String())
			}
		}
	})
}
