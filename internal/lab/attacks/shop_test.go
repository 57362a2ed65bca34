package attacks

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shop is a database with submsg, its roles, and tables of other people. @ in its SQL stands for the prefix of the
// roles: @admin is submsg's group of administrators, and @owner a role that the test makes.
type shop struct{ *rights }

func newShop(t *testing.T, setup ...string) *shop {
	t.Helper()
	s := &shop{newRights(t)}
	for _, sql := range setup {
		s.exec(sql)
	}
	return s
}

func (s *shop) named(sql string) string { return strings.ReplaceAll(sql, "@", s.names.Prefix+"_") }

func (s *shop) exec(sql string) {
	s.t.Helper()
	s.rights.exec(s.named(sql))
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
