package settings

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/migrations"
)

// Where nobody names a schema, the login's own search_path says which one submsg lives in. But a session must not go on
// looking in all of that path: somebody else may make objects in another schema of it, or, for "$user", the schema.

// connect makes one connection that looks for names in submsg's schema only, or, where a person may name tables of
// their own, in those of the login's own path after it. It also returns the configuration that it was made with.
func (s Database) connect(ctx context.Context, cfg *pgx.ConnConfig, tables bool) (*pgx.Conn, *pgx.ConnConfig, error) {
	if s.Schema != "" && !tables {
		conn, err := pgx.ConnectConfig(ctx, cfg)
		return conn, cfg, s.Schema.explain(cfg, err)
	}
	conn, path, err := s.byOwnPath(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	home := cmp.Or(s.Schema, Schema(path.Home))
	want := migrations.SearchPath(string(home))
	if tables {
		want = home.quoted() + ", " + cmp.Or(path.Setting, `""`) + ", pg_temp"
	}
	if home == "" || path.Setting == want || path.Setting == string(home) || path.Setting == home.quoted() {
		return conn, conn.Config(), nil // there is no schema, or the path is just that
	}
	pinned := cfg.Copy()
	pinned.RuntimeParams[searchPath] = want
	anew, err := pgx.ConnectConfig(ctx, pinned)
	if err != nil && s.Schema == "" && path.Home == path.Schemas[0] && home.Remedy(pinned, err.Error()) != "" {
		return conn, conn.Config(), nil // a pooler takes no path; the login's own leads to the schema, too
	}
	conn.Close(context.WithoutCancel(ctx))
	return anew, pinned, home.explain(pinned, err)
}

// byOwnPath connects with the search_path that the login has where nobody says another one.
func (s Database) byOwnPath(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, migrations.LoginPath, error) {
	own, err := Database{DatabaseURL: s.DatabaseURL}.Config()
	if err != nil {
		return nil, migrations.LoginPath{}, err
	}
	own.OnNotice = cfg.OnNotice
	conn, err := pgx.ConnectConfig(ctx, own)
	if err != nil {
		return nil, migrations.LoginPath{}, err
	}
	path, err := migrations.PathOf(ctx, conn, string(s.Schema))
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, path, fmt.Errorf("find the schema: %w", err)
	}
	return conn, path, nil
}

// Pinned is the settings of connections that look for names in submsg's schema only.
func (s Database) Pinned(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.ConnConfig, error) {
	if s.Schema != "" {
		return cfg, nil
	}
	conn, pinned, err := s.connect(ctx, cfg, false)
	if err != nil {
		return nil, err
	}
	if err := conn.Close(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	anew := cfg.Copy() // which has more than the connection's: the pool's own settings
	delete(anew.RuntimeParams, searchPath)
	if path, ok := pinned.RuntimeParams[searchPath]; ok {
		anew.RuntimeParams[searchPath] = path
	}
	return anew, nil
}
