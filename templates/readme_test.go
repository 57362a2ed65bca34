package templates

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's examples are what people copy.
func TestReadme(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(content)
	_, rest, _ := strings.Cut(readme, "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	template := parse(t, example)
	p, err := template.Render([]string{"生椰拿铁", "19.9", "已发货", "预计明日送达"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, item := range p.Data {
		said = append(said, "`"+item.Key+"` "+item.Value)
	}
	if sentence := strings.Join(said, ", "); !strings.Contains(readme, sentence) {
		t.Errorf("the README does not say what its example sends: %s", sentence)
	}

	for _, key := range keys {
		if !strings.Contains(readme, "\n| `"+key+"` |") {
			t.Errorf("key %s is not described", key)
		}
	}
	for kind := range requirements {
		if !strings.Contains(readme, "`"+string(kind)+"`") {
			t.Errorf("type %s is not described", kind)
		}
	}

	wrong := strings.NewReplacer("page:", "pages:", "{goodsPrice}", "{goodsPrise}").Replace(example)
	_, err = Load(folder(map[string]string{"orderStatus.yaml": strings.Replace(wrong, "title:", "# for people\ntitle:",
		1)}))
	if err == nil {
		t.Fatal("loaded")
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		_, reason, _ := strings.Cut(line, ": ")
		if !strings.Contains(readme, reason) {
			t.Errorf("not in the README: %s", line)
		}
	}
	_, err = template.Render([]string{"a", "10万", "b", "c"}, "")
	if err == nil || !strings.Contains(strings.ReplaceAll(readme, "\n", " "), err.Error()) {
		t.Errorf("not in the README: %v", err)
	}
}

// The table of types: each example in the column "passes" passes, each in quotes under "refused" is refused.
func TestReadmeTypes(t *testing.T) {
	content, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(content), "| type | passes | refused |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	seen := map[string]bool{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		kind := quoted(cells[1])[0]
		seen[kind] = true
		template := one(t, kind+"1", "")
		for _, v := range quoted(cells[2]) {
			if _, err := template.Render([]string{v}, ""); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		for _, v := range quoted(cells[3]) {
			if _, err := template.Render([]string{v}, ""); err == nil {
				t.Errorf("%s lets %q pass", kind, v)
			}
		}
	}
	if diff := cmp.Diff(len(requirements), len(seen)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// quoted returns what stands between backquotes.
func quoted(cell string) (list []string) {
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			list = append(list, part)
		}
	}
	return list
}
