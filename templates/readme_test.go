package templates

import (
	"os"
	"strings"
	"testing"
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

	wrong := strings.NewReplacer("page:", "pages:", "{goodsPrice}", "{goodsPrise}").Replace(example)
	_, err = load(folder(map[string]string{"orderStatus.yaml": strings.Replace(wrong, "title:", "# for people\ntitle:",
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
