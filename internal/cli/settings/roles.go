package settings

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/roles"
)

const schemaSQL = `
SELECT nspname FROM pg_namespace
WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = 'subMsgList'::regclass::oid)`

// RolePrefix is what the roles' names begin with where nobody says otherwise.
const RolePrefix = "submsg"

// Roles says what the roles of `submsg roles` are called.
type Roles struct {
	Prefix string `default:"submsg" help:"What the roles' names begin with."`
}

// Naming is the roles' names, and the schema in which the connection finds submsg's tables.
func (s Roles) Naming(ctx context.Context, conn *pgx.Conn) (roles.Naming, error) {
	names := roles.Naming{Prefix: s.Prefix}
	err := conn.QueryRow(ctx, schemaSQL).Scan(&names.Schema)
	return names, cmp.Or(err, names.Validate())
}

// Differ tells whether the database has the roles, and the SQL that gives them the rights that they should have.
func (s Roles) Differ(ctx context.Context, conn *pgx.Conn) (used bool, lines []string, err error) {
	names, err := s.Naming(ctx, conn)
	if err != nil {
		return false, nil, err
	}
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, names.Prefix+"_worker").Scan(&used)
	if err == nil && used {
		lines, err = names.Check(ctx, conn)
	}
	return used, lines, err
}
