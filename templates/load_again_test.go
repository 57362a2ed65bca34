package templates

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLoadAgain(t *testing.T) {
	fsys := folder(map[string]string{"t.yaml": good})
	last, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		name    string
		content string
		changed bool
		fails   bool
		uses    string
	}{
		{"nothing changed", good, false, false, "order"},
		{"renamed", strings.Replace(good, "order", "newOrder", 1), true, false, "newOrder"},
		{"broken", "id: [", false, true, "newOrder"},
		{"still broken", "id: [", false, true, "newOrder"},
		{"mended to what is in use", strings.Replace(good, "order", "newOrder", 1), false, false, "newOrder"},
		{"only a comment", strings.Replace(good, "order", "newOrder", 1) + "# hi\n", true, false, "newOrder"},
		{"back", good, true, false, "order"},
	} {
		fsys["t.yaml"] = &fstest.MapFile{Data: []byte(s.content)}
		next, err := LoadAgain(fsys, wechat, last)
		if (err != nil) != s.fails || (err == nil) == (next == nil) {
			t.Fatalf("%s: %v", s.name, err)
		}
		if err != nil {
			continue
		}
		if _, ok := next.Find(s.uses); !ok || (next != last) != s.changed {
			t.Errorf("%s: changed %v, %s there: %v", s.name, next != last, s.uses, ok)
		}
		last = next
	}
	delete(fsys, "t.yaml")
	if _, err := LoadAgain(fsys, wechat, last); err == nil {
		t.Error("an emptied folder was taken for a catalogue")
	}
}
