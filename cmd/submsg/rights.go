package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/roles"
	"github.com/submsg/submsg/migrations"
)

// usualPrefix is what the roles' names begin with where nobody says otherwise.
const usualPrefix = "submsg"

// naming is the roles' names, and the schema in which the connection finds submsg's tables.
func naming(ctx context.Context, conn *pgx.Conn, prefix string) (roles.Naming, error) {
	names := roles.Naming{Prefix: prefix}
	err := conn.QueryRow(ctx, `SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'subMsgList'::regclass`).Scan(&names.Schema)
	return names, cmp.Or(err, names.Validate())
}

// rolesDiffer tells whether the database has the roles, and the SQL that gives them the rights that they should have.
func rolesDiffer(ctx context.Context, conn *pgx.Conn, names roles.Naming) (used bool, lines []string, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, names.Prefix+"_worker").Scan(&used)
	if err == nil && used {
		lines, err = names.Check(ctx, conn)
	}
	return used, lines, err
}

// mayServe returns an error unless the login has the rights that serve needs: with some of them only it would run, and send nothing.
// A newer schema's rights are the newer submsg's affair.
func mayServe(ctx context.Context, pool *pgxpool.Pool) error {
	return pool.AcquireFunc(ctx, func(pooled *pgxpool.Conn) error {
		conn := pooled.Conn()
		state, err := migrations.StateOf(ctx, conn)
		if err != nil || state.Newer() {
			return err
		}
		names, err := naming(ctx, conn, usualPrefix)
		if err != nil {
			return err
		}
		lacking, err := names.Lacking(ctx, conn)
		if err != nil || len(lacking) == 0 {
			return err
		}
		var login string
		if err := conn.QueryRow(ctx, `SELECT quote_ident(current_user)`).Scan(&login); err != nil {
			return err
		}
		return fmt.Errorf("%s lacks %d rights that serve needs: %s; as the owner of submsg's tables run what `submsg roles` prints, which each upgrade may add to, and GRANT %s_worker TO %s",
			login, len(lacking), some(lacking), usualPrefix, login)
	})
}
