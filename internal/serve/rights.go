package serve

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
)

// mayServe returns an error unless the login has the rights that serve needs: with some of them only it would run, and
// send nothing.
func mayServe(ctx context.Context, pool *pgxpool.Pool) error {
	return pool.AcquireFunc(ctx, func(pooled *pgxpool.Conn) error {
		conn := pooled.Conn()
		names, err := settings.Roles{Prefix: settings.RolePrefix}.Naming(ctx, conn)
		if err != nil {
			return err
		}
		lacking, err := names.Lacking(ctx, conn)
		if err != nil || len(lacking) == 0 {
			return err
		}
		var login string
		if err := conn.QueryRow(ctx, `SELECT pg_catalog.quote_ident(current_user)`).Scan(&login); err != nil {
			return err
		}
		return fmt.Errorf("%s lacks %d rights that serve needs: %s; as the owner of submsg's tables run what `submsg "+
			"roles` prints, which each upgrade may add to, and GRANT %s_worker TO %s",
			login, len(lacking), terminal.Some(lacking), settings.RolePrefix, login)
	})
}
