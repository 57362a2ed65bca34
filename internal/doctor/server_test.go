package doctor

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
)

// On a sound server all checks are fine, except those of settings that a test server turns off.
func TestSound(t *testing.T) {
	d := newDatabase(t)
	for name, examine := range map[string]func(context.Context) (Finding, error){
		"version": d.Version, "triggers": d.Triggers, "wake": d.Wake, "notifications": d.Notifications, "pooler": d.Pooler, "clocks": d.Clocks,
		"xmin": d.Xmin, "dead rows": d.DeadRows,
	} {
		if f, err := examine(t.Context()); err != nil || f.Level != OK {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func TestCommits(t *testing.T) {
	d := newDatabase(t)
	for mode, want := range map[string]Level{"on": OK, "local": OK, "remote_apply": OK, "off": Warn} {
		d.exec(t, `SET synchronous_commit = `+mode)
		if f, err := d.Commits(t.Context()); err != nil || f.Level != want {
			t.Errorf("%s: %+v, %v", mode, f, err)
		}
	}
}

func TestAutovacuumOfTheTable(t *testing.T) {
	d := newDatabase(t)
	for setting, want := range map[string]bool{`SET (autovacuum_enabled = off)`: false, `RESET (autovacuum_enabled)`: true} {
		d.exec(t, `ALTER TABLE subMsgList `+setting)
		var server, table bool
		if err := d.Conn.QueryRow(t.Context(), vacuumSQL).Scan(&server, &table); err != nil || table != want {
			t.Errorf("%s: %t, %v", setting, table, err)
		}
	}
}

// A listener on another database doesn't hear the NOTIFY.
func TestDeaf(t *testing.T) {
	d := newDatabase(t)
	var err error
	if d.Listen, err = pgx.ParseConfig(pgtest.Empty(t)); err != nil {
		t.Fatal(err)
	}
	if f, err := d.Wake(t.Context()); err != nil || f.Level != Fail || f.Remedy != listenDirectly {
		t.Errorf("%+v, %v", f, err)
	}
	if d.Listen, err = pgx.ParseConfig("postgres://127.0.0.1:1/nothing?sslmode=disable"); err != nil {
		t.Fatal(err)
	}
	if f, err := d.Wake(t.Context()); err != nil || f.Level != Fail || f.Remedy != listenDirectly {
		t.Errorf("nobody there: %+v, %v", f, err)
	}
}

// The finding names a session that left its transaction open, and a prepared transaction, with the statement that ends
// each.
func TestXmin(t *testing.T) {
	for _, tt := range []struct {
		name, begin, end string
		says, remedy     string
	}{
		{"idle after writing", `BEGIN; INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', '', now())`, `ROLLBACK`,
			`^vacuum is held back by pid \d+ \(\S+, forgetful, idle in transaction\) for \d+s$`, `^SELECT pg_terminate_backend\(\d+\)$`},
		{"idle with a snapshot", `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1`, `ROLLBACK`,
			`^vacuum is held back by pid \d+ \(\S+, forgetful, idle in transaction\) for \d+s$`, `^SELECT pg_terminate_backend\(\d+\)$`},
		{"idle without a snapshot", `BEGIN; SELECT FROM subMsgPause`, `ROLLBACK`,
			`^locks that .submsg migrate up. would wait for are held by pid \d+ \(\S+, forgetful, idle in transaction\) for \d+s$`, `^SELECT pg_terminate_backend\(\d+\)$`},
		{"prepared", `BEGIN; INSERT INTO subMsgPause (templateId, reason, probeAt) VALUES ('t', '', now()); PREPARE TRANSACTION 'doctor''s'`, `ROLLBACK PREPARED 'doctor''s'`,
			`^vacuum is held back by the prepared transaction 'doctor''s' \(\S+\) for \d+s$`, `^COMMIT PREPARED 'doctor''s' or ROLLBACK PREPARED 'doctor''s'$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDatabase(t)
			d.long = time.Nanosecond
			cfg := d.Config.Copy()
			cfg.RuntimeParams["application_name"] = "forgetful"
			other, err := pgx.ConnectConfig(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close(context.WithoutCancel(t.Context()))
			if _, err := other.Exec(t.Context(), tt.begin, pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Fatal(err)
			}
			f, err := d.Xmin(t.Context())
			says, remedy := regexp.MustCompile(tt.says), regexp.MustCompile(tt.remedy)
			if err != nil || f.Level != Warn || !says.MatchString(f.Says) || !remedy.MatchString(f.Remedy) {
				t.Errorf("%+v, %v", f, err)
			}
			d.long = time.Hour
			if f, err := d.Xmin(t.Context()); err != nil || f.Level != OK {
				t.Errorf("not for long: %+v, %v", f, err)
			}
			if _, err := other.Exec(t.Context(), tt.end); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestBlame(t *testing.T) {
	age := 3661.0
	f := blame([]holder{
		{true, "the replication slot s", nil, "drop it"},
		{true, "pid 1", &age, "end 1"}, {false, "pid 2", &age, "end 2"},
		{false, "pid 3", &age, "end 3"}, {false, "pid 4", &age, "end 4"},
	})
	const says = "vacuum is held back by the replication slot s, pid 1 for 1h1m1s, " +
		"locks that `submsg migrate up` would wait for are held by pid 2 for 1h1m1s and 2 more"
	if f.Level != Warn || f.Says != says || f.Remedy != "drop it; end 1; end 2" {
		t.Errorf("%+v", f)
	}
}
