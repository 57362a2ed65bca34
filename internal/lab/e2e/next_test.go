package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/submsg/submsg/migrations"
)

// migration is one that the source doesn't have.
type migration struct{ up, down string }

var (
	// additive changes what this submsg uses, and leaves it working.
	additive = migration{`
ALTER TABLE subMsgList ADD COLUMN priority integer NOT NULL DEFAULT 0;
CREATE INDEX subMsgList_priority ON subMsgList (priority, id);
DO $$ DECLARE f oid; BEGIN
    FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = current_schema::regnamespace AND prorettype = 'trigger'::regtype LOOP
        EXECUTE pg_get_functiondef(f);
    END LOOP;
END $$;`, `ALTER TABLE subMsgList DROP COLUMN priority;`}

	// breaking takes away what only submsgs older than itself use.
	breaking = migration{fmt.Sprintf("-- oldest submsg: %d\nALTER TABLE subMsgList DROP COLUMN priority;",
		migrations.Latest()+2),
		`ALTER TABLE subMsgList ADD COLUMN priority integer NOT NULL DEFAULT 0;`}
)

// buildNext builds this source with more migrations, by the go command's overlay.
func buildNext(t *testing.T, more ...migration) (path string) {
	t.Helper()
	dir := t.TempDir()
	folder, err := filepath.Abs(filepath.Join(repoRoot, "migrations"))
	replace := map[string]string{}
	write := func(name, text string) {
		if err == nil {
			replace[filepath.Join(folder, name)] = filepath.Join(dir, name)
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
		}
	}
	for i, m := range more {
		number := migrations.Latest() + 1 + i
		write(fmt.Sprintf("%06d_next.up.sql", number), m.up)
		write(fmt.Sprintf("%06d_next.down.sql", number), m.down)
	}
	overlay, _ := json.Marshal(map[string]any{"Replace": replace}) // strings
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "submsg")
	build := exec.Command("go", "build", "-buildvcs=false", "-overlay", filepath.Join(dir, "overlay.json"), "-o", path,
		"./cmd/submsg")
	build.Dir = repoRoot
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the next submsg: %v\n%s", err, out)
	}
	return path
}
