package roles

import (
	"fmt"
	"slices"
	"strings"
)

// SQL is a script for psql or any other client that makes the roles and gives them exactly their rights. It can be run
// again at any time, after an update of submsg for instance.
func (n Naming) SQL() string {
	var b strings.Builder
	n.printRoles(&b)
	fmt.Fprintf(&b, `
-- Nobody but the schema's owner makes objects beside submsg's tables: whoever can, could shadow what queries mean there
-- (https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058). From PostgreSQL 15 on that is the default.
REVOKE CREATE ON %s FROM PUBLIC;
`, n.object(schema))
	n.printRevokes(&b)
	for _, g := range groups {
		fmt.Fprintf(&b, "\n-- %s is for %s.\n", n.role(g.name), g.about)
		for _, grant := range grants {
			if grant.role == g.name {
				b.WriteString(n.sql(grant) + "\n")
			}
		}
	}
	b.WriteString("\n-- Everybody.\n")
	for _, grant := range grants {
		if grant.role == public {
			b.WriteString(n.sql(grant) + "\n")
		}
	}
	b.WriteString("\nCOMMIT;\n")
	return b.String()
}

// OwnerSQL is a script for an administrator, to be run once before the first migration: it makes the role that owns the
// schema, and those of the other script. That one then needs no more than the owner.
func (n Naming) OwnerSQL() string {
	var b strings.Builder
	fmt.Fprintf(&b, `-- The owner of submsg's schema, who migrates it and is no superuser. Run as a superuser before the first
-- `+"`submsg migrate up`"+`. It may be run again at any time. Then give %[1]s a password (\password %[1]s in psql), and run as it:
--   submsg migrate up --roles     after each upgrade, too: it also gives the roles their rights
-- submsg serve uses another login, IN ROLE %[2]s.

BEGIN;
SET LOCAL search_path = pg_catalog;

`, n.role(owner), n.role(worker))
	printRole(&b, n.role(owner), "LOGIN")
	for _, g := range groups {
		printRole(&b, n.role(g.name), "NOLOGIN")
	}
	fmt.Fprintf(&b, `
CREATE %[1]s IF NOT EXISTS %[2]s;
ALTER %[1]s %[2]s OWNER TO %[3]s;
REVOKE CREATE ON %[1]s %[2]s FROM PUBLIC;

COMMIT;
`, schema, n.schemaName(), n.role(owner))
	return b.String()
}

func printRole(b *strings.Builder, role, login string) {
	fmt.Fprintf(b, `DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') THEN
        CREATE ROLE %[1]s %[2]s;
    END IF;
END $$;
`, role, login)
}

func (n Naming) printRoles(b *strings.Builder) {
	fmt.Fprintf(b, `-- Roles for submsg, each with what it needs and no more. Run as the owner of submsg's tables after `+"`submsg migrate up`"+`;
-- where `+"`submsg roles --owner`"+` hasn't made the roles before, with CREATEROLE. It may be run again at any time. It is for the
-- schema %s; --schema (SUBMSG_SCHEMA) names another. Then, for each login:
--   CREATE ROLE shop LOGIN PASSWORD '…' IN ROLE %s;
--   CREATE ROLE sender LOGIN PASSWORD '…' IN ROLE %s;
-- Business tables, orders for instance, are the application's affair; their rules need no rights but UPDATE on them:
--   GRANT SELECT, UPDATE ON orders TO %s;

BEGIN;
SET LOCAL search_path = pg_catalog;

`, n.schemaName(), n.role(app), n.role(worker), n.role(admin))
	for _, g := range groups {
		printRole(b, n.role(g.name), "NOLOGIN")
	}
}

// printRevokes takes back what an older script, or somebody by hand, has given. The transaction hides the gap.
func (n Naming) printRevokes(b *strings.Builder) {
	var objects []string
	for _, g := range grants {
		if o := n.object(g.on); !slices.Contains(objects, o) {
			objects = append(objects, o)
		}
	}
	b.WriteString("\n-- From nothing.\n")
	for _, o := range objects {
		fmt.Fprintf(b, "REVOKE ALL ON %s FROM %s;\n", o, strings.Join(n.groups(), ", "))
	}
}

func (n Naming) sql(g grant) string {
	return fmt.Sprintf("GRANT %s%s ON %s TO %s;", g.verb, list(g.columns), n.object(g.on), n.role(g.role))
}

func list(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	return " (" + strings.Join(columns, ", ") + ")"
}
