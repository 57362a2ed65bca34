// Package rules is the work of `submsg rules`: it makes, shows, tries, mends and removes rules, and says each in a
// sentence. What a rule does, and the database's part, is in internal/rules. Begin with Command.
package rules

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/rules"
)

// Command is `submsg rules`.
type Command struct {
	Add    Add    `cmd:"" help:"Make a rule: which updates of which table notify whom, and say what."`
	List   List   `cmd:"" help:"Show the rules, and which of them are broken."`
	Show   Show   `cmd:"" help:"Show one rule, the SQL that makes it again, and its latest errors."`
	Remove Remove `cmd:"" help:"Remove a rule; the table and its data stay."`
	Test   Test   `cmd:"" help:"Show the messages that an update of some rows would make, changing nothing."`
	Replay Replay `cmd:"" help:"Make up for the messages missed while a rule was broken."`
}

// noSuchRule adds the names that there are to rules.ErrNoRule.
func noSuchRule(ctx context.Context, conn *pgx.Conn, name string, err error) error {
	if !errors.Is(err, rules.ErrNoRule) {
		return err
	}
	all, err := rules.List(ctx, conn)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return terminal.BadUsage("no rule %q; there is none at all yet: `submsg rules add` makes one", name)
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return terminal.BadUsage("no rule %q; there are %s", name, strings.Join(names, ", "))
}
