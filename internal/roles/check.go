package roles

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/migrations"
)

// Check compares what the roles and PUBLIC really may do in the database with what they should, inherited rights
// included. Each difference is one line of SQL that mends it; nil: there is none. One difference may hide another (a
// superuser hides all missing rights, say): check again after mending.
func (n Naming) Check(ctx context.Context, conn *pgx.Conn) (lines []string, err error) {
	err = readCatalogue(ctx, conn, func(tx pgx.Tx) (err error) {
		lines, err = n.check(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check the roles: %w", err)
	}
	return lines, nil
}

// readCatalogue reads where nothing but Postgres's own names is found, so that nothing in the schemas that are checked
// is run by whoever checks.
func readCatalogue(ctx context.Context, conn *pgx.Conn, read func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL search_path = pg_catalog, pg_temp`); err != nil {
			return err
		}
		return read(tx)
	})
}

func (n Naming) check(ctx context.Context, tx pgx.Tx) ([]string, error) {
	lines, super, err := n.checkRoles(ctx, tx)
	if err != nil || super {
		return lines, err
	}
	held, owned, err := n.held(ctx, tx)
	if err != nil {
		return nil, err
	}
	foreign, err := migrations.FindForeign(ctx, tx, n.Schema)
	for _, f := range foreign {
		line := f.Mend + ";"
		if strings.HasPrefix(line, "DROP ") {
			line += " -- `submsg migrate up` makes it anew"
		}
		owned = append(owned, line)
	}
	return slices.Concat(lines, owned, n.missing(held), n.excess(held)), err
}

const rolesSQL = `
SELECT r.rolname, concat_ws(' ', CASE WHEN rolcanlogin THEN 'NOLOGIN' END, CASE WHEN rolsuper THEN 'NOSUPERUSER' END,
        CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END, CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END,
        CASE WHEN rolcreatedb THEN 'NOCREATEDB' END, CASE WHEN rolreplication THEN 'NOREPLICATION' END),
    rolsuper, ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid ORDER BY 1)
FROM pg_roles r WHERE rolname = ANY ($1)`

// checkRoles returns what is wrong with the roles themselves.
func (n Naming) checkRoles(ctx context.Context, tx pgx.Tx) (lines []string, super bool, err error) {
	absent := n.groups()
	rows, err := tx.Query(ctx, rolesSQL, absent)
	if err != nil {
		return nil, false, err
	}
	var role, not string
	var isSuper bool
	var memberOf []string
	_, err = pgx.ForEachRow(rows, []any{&role, &not, &isSuper, &memberOf}, func() error {
		super = super || isSuper
		absent = slices.DeleteFunc(absent, func(name string) bool { return name == role })
		if not != "" {
			lines = append(lines, fmt.Sprintf("ALTER ROLE %s %s;", role, not))
		}
		for _, group := range memberOf {
			lines = append(lines, fmt.Sprintf("REVOKE %s FROM %s;", group, role))
		}
		return nil
	})
	for _, role := range absent {
		lines = append(lines, fmt.Sprintf("CREATE ROLE %s NOLOGIN;", role))
	}
	return lines, super, err
}

// rights is what the grants give, name by name as Postgres stores them.
func rights(of []grant) (list []right) {
	for _, g := range of {
		on := strings.ToLower(g.on)
		if kind, name, _ := strings.Cut(g.on, " "); kind == strings.ToUpper(kind) {
			on = strings.TrimSpace(kind + " " + strings.ToLower(name))
		}
		columns := g.columns
		if len(columns) == 0 {
			columns = []string{""}
		}
		for _, c := range columns {
			list = append(list, right{g.role, g.verb, on, strings.ToLower(c)})
		}
	}
	return list
}

func (n Naming) missing(held []right) (lines []string) {
	for _, r := range rights(grants) {
		whole := right{r.role, r.verb, r.on, ""}
		if !slices.Contains(held, r) && !slices.Contains(held, whole) {
			lines = append(lines, n.line("GRANT", r, "TO"))
		}
	}
	return lines
}

func (n Naming) excess(held []right) (lines []string) {
	should := rights(grants)
	for _, r := range held {
		everybodys := right{public, r.verb, r.on, r.column}
		whole := right{r.role, r.verb, r.on, ""}
		switch {
		case slices.Contains(should, r) || slices.Contains(should, whole):
		case r.role != public && slices.Contains(held, everybodys): // told of PUBLIC
		case r == right{public, "USAGE", schema, ""}: // as it comes, for the schema public
		default:
			line := n.line("REVOKE", r, "FROM")
			for _, s := range should { // a REVOKE of the whole takes the columns too
				if r.column == "" && s.role == r.role && s.verb == r.verb && s.on == r.on {
					line += " " + n.line("GRANT", s, "TO")
				}
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (n Naming) line(action string, r right, preposition string) string {
	column := ""
	if r.column != "" {
		column = " (" + r.column + ")"
	}
	return fmt.Sprintf("%s %s%s ON %s %s %s;", action, r.verb, column, n.object(r.on), preposition, n.role(r.role))
}
