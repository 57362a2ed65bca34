package doctor

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/doctor"
	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/migrations"
	"github.com/submsg/submsg/outbox"
)

// A template may be paused under its id and its name.
const pausesSQL = `
SELECT pg_catalog.count(DISTINCT coalesce(t.templateId, p.templateId))
FROM subMsgPause p LEFT JOIN subMsgTemplate t ON p.templateId IN (t.templateId, t.name)`

// examinePauses tells what keeps messages waiting.
func examinePauses(ctx context.Context, conn *pgx.Conn) (doctor.Finding, error) {
	why, err := outbox.Stopped(ctx, conn)
	if err != nil {
		return doctor.Finding{}, err
	}
	if why != "" {
		return doctor.Finding{Level: doctor.Fail, Says: "nothing is sent: " + why,
			Remedy: "call off what must not be sent (submsg cancel), then " +
				"DELETE FROM subMsgPause WHERE templateId = '*'"}, nil
	}
	var n int
	if err := conn.QueryRow(ctx, pausesSQL).Scan(&n); err != nil {
		return doctor.Finding{}, err
	}
	if n > 0 {
		return doctor.Finding{Level: doctor.Warn, Says: fmt.Sprintf("%d stand, their messages wait", n),
			Remedy: "submsg status says why"}, nil
	}
	return doctor.Fine("none"), nil
}

// examineRules looks for rules that miss what they should tell.
func examineRules(ctx context.Context, conn *pgx.Conn) (doctor.Finding, error) {
	all, err := rules.List(ctx, conn)
	if err != nil {
		return doctor.Finding{}, err
	}
	failed := 0
	for _, r := range all {
		if r.Problem != "" {
			return doctor.Finding{Level: doctor.Fail, Says: r.Name + ": " + r.Problem,
				Remedy: "mend it, then submsg rules replay " + r.Name}, nil
		}
		failed += int(r.Errors)
	}
	if failed > 0 {
		return doctor.Finding{Level: doctor.Warn, Says: fmt.Sprintf("%d updates have not become messages", failed),
			Remedy: "submsg rules list, and then submsg rules replay"}, nil
	}
	return doctor.Fine("%d, all of them apply", len(all)), nil
}

// examineForeign looks for others than the schema's owner who have a say in what submsg runs.
func (c *Command) examineForeign(ctx context.Context, conn *pgx.Conn) (doctor.Finding, error) {
	names, err := c.Naming(ctx, conn)
	if err != nil {
		return doctor.Finding{}, err
	}
	found, err := migrations.FindForeign(ctx, conn, names.Schema)
	if err != nil || len(found) == 0 {
		return doctor.Fine("nobody but the schema's owner makes objects in it"), err
	}
	says, mend := migrations.Describe(found)
	return doctor.Finding{Level: doctor.Fail, Says: says + ": submsg may run what they put there",
		Remedy: mend + "; then submsg migrate up"}, nil
}

const loginSQL = `
SELECT pg_catalog.quote_ident(current_user) AS login, rolsuper AS super,
    pg_catalog.pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'subMsgList'::regclass::oid), 'USAGE') AS owner
FROM pg_roles WHERE rolname = current_user`

// examineLogin tells whether DATABASE_URL's login may do what serve does, and not more by far.
func (c *Command) examineLogin(ctx context.Context, conn *pgx.Conn) (doctor.Finding, error) {
	names, err := c.Naming(ctx, conn)
	if err != nil {
		return doctor.Finding{}, err
	}
	lacking, err := names.Lacking(ctx, conn)
	if err != nil {
		return doctor.Finding{}, err
	}
	rows, _ := conn.Query(ctx, loginSQL) // its error comes from CollectExactlyOneRow
	is, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[struct {
		Login        string
		Super, Owner bool
	}])
	worker := names.Prefix + "_worker"
	switch {
	case err != nil:
		return doctor.Finding{}, err
	case len(lacking) > 0:
		return doctor.Finding{Level: doctor.Fail,
			Says: fmt.Sprintf("%s lacks %d rights that serve needs: %s", is.Login, len(lacking),
				terminal.Some(lacking)),
			Remedy: fmt.Sprintf("run what submsg roles prints, then GRANT %s TO %s", worker, is.Login)}, nil
	case is.Super || is.Owner:
		return doctor.Finding{Level: doctor.Warn,
			Says:   is.Login + " is a superuser, or owns submsg's tables: far more than serve needs",
			Remedy: "run what submsg roles prints, then let serve use a login IN ROLE " + worker}, nil
	}
	return doctor.Fine("%s has what serve needs", is.Login), nil
}

// examineRoles compares the roles' rights with those that they should have, where there are such roles.
func (c *Command) examineRoles(ctx context.Context, conn *pgx.Conn) (doctor.Finding, error) {
	state, err := migrations.StateOf(ctx, conn)
	if err != nil {
		return doctor.Finding{}, err
	}
	if state.Newer() {
		return doctor.NotNow("the schema is a newer submsg's, which knows its rights"), nil
	}
	used, lines, err := c.Differ(ctx, conn)
	if err == nil && !used {
		return doctor.NotNow("there are no roles of submsg: submsg roles prints them"), nil
	}
	if err != nil || len(lines) == 0 {
		return doctor.Fine("as submsg roles has them"), err
	}
	return doctor.Finding{Level: doctor.Warn,
		Says:   fmt.Sprintf("their rights differ in %d points from what submsg roles gives", len(lines)),
		Remedy: "submsg roles --check prints the SQL that mends them"}, nil
}
