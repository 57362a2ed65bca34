package settings

import (
	"strings"
	"testing"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// Each connection looks for names in the schema, however the database is named, and nothing is said where none is set.
func TestSchemaIsTold(t *testing.T) {
	t.Setenv("PGHOST", "db")
	const schema, want = "消息 & Box+1=2", `"消息 & Box+1=2", pg_temp`
	for _, url := range []string{
		"postgres://u:p@db:5433/shop", "postgres://u@db/shop?sslmode=disable&search_path=elsewhere", "postgresql://db/shop",
		"", "host=db user=u", "postgres://db/shop?pool_max_conns=3",
	} {
		d := Database{DatabaseURL: url, Schema: schema}
		cfg, err := d.Config()
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if got := cfg.RuntimeParams["search_path"]; got != want {
			t.Errorf("%s: a connection looks in %s", url, got)
		}
		for _, listen := range []string{"", "postgres://db:5433/shop", "host=db port=5433"} {
			at, err := Listen{ListenURL: listen}.WakeURL(d)
			if err != nil {
				t.Fatalf("%s: %v", url, err)
			}
			heard, err := ParseURL(at)
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if got := heard.RuntimeParams["search_path"]; got != want {
				t.Errorf("%s, %s: the listener looks in %s", url, listen, got)
			}
			if listen == "" && (heard.Host != cfg.Host || heard.Port != cfg.Port || heard.Database != cfg.Database) {
				t.Errorf("%s: it listens at %s", url, at)
			}
		}
		d.Schema = ""
		if cfg, err = d.Config(); err != nil || strings.Contains(cfg.RuntimeParams["search_path"], "消息") {
			t.Errorf("%s: without a schema it looks in %s, %v", url, cfg.RuntimeParams["search_path"], err)
		}
	}
}

func TestSchemaNames(t *testing.T) {
	for name, fine := range map[string]bool{"submsg": true, "消息 Box": true, "Sub": true, "": false, "pg_x": false,
		`a"b`: false, "a'b": false, strings.Repeat("x", 64): false} {
		if err := new(Schema).UnmarshalText([]byte(name)); (err == nil) != fine {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRemedyBehindAPooler(t *testing.T) {
	cfg, err := ParseURL("postgres://shop's@db/shop")
	if err != nil {
		t.Fatal(err)
	}
	const said = "FATAL: unsupported startup parameter: search_path (SQLSTATE 08P01)"
	const want = `ALTER ROLE "shop's" IN DATABASE "shop" SET search_path = "submsg", and leave SUBMSG_SCHEMA unset`
	if got := Schema("submsg").Remedy(cfg, said); !strings.Contains(got, want) {
		t.Errorf("%q doesn't say %s", got, want)
	}
	for schema, said := range map[Schema]string{"": said, "a": "FATAL: password authentication failed (SQLSTATE 28P01)",
		"b": "FATAL: unsupported startup parameter: geqo (SQLSTATE 08P01)"} {
		if got := schema.Remedy(cfg, said); got != "" {
			t.Errorf("%q, %s: %s", schema, said, got)
		}
	}
}

// The account that stands in where none is set is the one that the fake knows.
func TestFakeAccount(t *testing.T) {
	if FakeAppID != fakewechat.DefaultAppID || FakeSecret != fakewechat.DefaultSecret {
		t.Errorf("%s, %s; the fake knows %s, %s", FakeAppID, FakeSecret, fakewechat.DefaultAppID,
			fakewechat.DefaultSecret)
	}
}
