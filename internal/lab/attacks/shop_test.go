package attacks

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/lab/pgtest"
	"github.com/submsg/submsg/internal/roles"
)

// shop is a database with submsg, its roles, and tables of other people. Roles are the server's, so they have a random
// prefix, which @ stands for in SQL: @admin is submsg's group of administrators.
type shop struct {
	*pgx.Conn // as a superuser
	t         *testing.T
	url       string
	prefix    string
}

func newShop(t *testing.T, setup ...string) *shop {
	t.Helper()
	url := pgtest.DB(t)
	s := &shop{dial(t, url), t, url, "submsg_" + strings.ToLower(rand.Text()[:8])}
	t.Cleanup(s.dropRoles)
	s.exec(roles.Naming{Prefix: s.prefix, Schema: "public"}.SQL())
	for _, sql := range setup {
		s.exec(sql)
	}
	return s
}

func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (s *shop) dropRoles() {
	conn, err := pgx.Connect(context.Background(), s.url)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), `SET search_path = pg_catalog;
DO $$ DECLARE r name; BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE '`+s.prefix+`%' LOOP
		EXECUTE format('REASSIGN OWNED BY %1$I TO CURRENT_USER', r);
		EXECUTE format('DROP OWNED BY %1$I CASCADE', r);
		EXECUTE format('DROP ROLE %1$I', r);
	END LOOP;
END $$`)
	if err != nil {
		s.t.Errorf("drop the roles: %v", err)
	}
}

func (s *shop) named(sql string) string { return strings.ReplaceAll(sql, "@", s.prefix+"_") }

func (s *shop) exec(sql string) {
	s.t.Helper()
	if _, err := s.Exec(s.t.Context(), s.named(sql)); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// texts reads a column of texts.
func (s *shop) texts(sql string, args ...any) []string {
	s.t.Helper()
	rows, _ := s.Query(s.t.Context(), s.named(sql), args...)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return list
}
