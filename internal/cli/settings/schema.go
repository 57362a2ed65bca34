package settings

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/migrations"
)

// Schema is the schema that submsg lives in. Every connection is told, as a startup parameter, to look for names in it
// only. Without a name the login's own search_path says which one it is (path.go).
type Schema string

// UnmarshalText takes a name that a schema of submsg can have.
func (s *Schema) UnmarshalText(text []byte) error {
	*s = Schema(text)
	return migrations.CheckSchema(string(text))
}

// quoted is the name as SQL writes it.
func (s Schema) quoted() string { return pgx.Identifier{string(s)}.Sanitize() }

const searchPath = "search_path"

// enter makes a connection look for names in the schema.
func (s Schema) enter(cfg *pgx.ConnConfig) {
	if s != "" {
		cfg.RuntimeParams[searchPath] = migrations.SearchPath(string(s))
	}
}

// in returns the URL, or libpq's words, with the schema as search_path, for those who don't take a config.
func (s Schema) in(database string) string {
	if s == "" {
		return database
	}
	path := migrations.SearchPath(string(s))
	if !strings.HasPrefix(database, "postgres://") && !strings.HasPrefix(database, "postgresql://") {
		return fmt.Sprintf("%s %s='%s'", database, searchPath, path) // no name of a schema holds a ' or a \
	}
	escaped := strings.ReplaceAll(url.QueryEscape(path), "+", "%20") // libpq takes a + for a plus
	where, query, _ := strings.Cut(database, "?")
	others := slices.DeleteFunc(strings.Split(query, "&"), func(pair string) bool {
		return pair == "" || strings.HasPrefix(pair, searchPath+"=")
	})
	return where + "?" + strings.Join(append(others, searchPath+"="+escaped), "&")
}

// Remedy says what helps where something between us and the server, as a transaction pooler, has refused to take the
// startup parameter (SQLSTATE 08P01 or 0A000); "" where that is not what was said.
func (s Schema) Remedy(cfg *pgx.ConnConfig, said string) string {
	refused := strings.Contains(said, "08P01") || strings.Contains(said, "0A000")
	if s == "" || !refused || !strings.Contains(said, searchPath) {
		return ""
	}
	return fmt.Sprintf("a transaction pooler takes no search_path from a connection: run ALTER ROLE %s IN DATABASE %s "+
		"SET search_path = %s, and leave SUBMSG_SCHEMA unset",
		pgx.Identifier{cfg.User}.Sanitize(), pgx.Identifier{cfg.Database}.Sanitize(), s.quoted())
}

// explain adds the remedy to an error.
func (s Schema) explain(cfg *pgx.ConnConfig, err error) error {
	if err == nil {
		return nil
	}
	if remedy := s.Remedy(cfg, err.Error()); remedy != "" {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return hideParameters(err)
}
