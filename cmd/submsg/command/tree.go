package command

import (
	"github.com/submsg/submsg/internal/cli/accounts"
	"github.com/submsg/submsg/internal/cli/bench"
	"github.com/submsg/submsg/internal/cli/database"
	"github.com/submsg/submsg/internal/cli/demo"
	"github.com/submsg/submsg/internal/cli/doctor"
	"github.com/submsg/submsg/internal/cli/fakewechat"
	"github.com/submsg/submsg/internal/cli/messages"
	"github.com/submsg/submsg/internal/cli/postgres"
	"github.com/submsg/submsg/internal/cli/rules"
	"github.com/submsg/submsg/internal/cli/templates"
	"github.com/submsg/submsg/internal/cli/version"
	"github.com/submsg/submsg/internal/serve"
)

// Commands is the tree of commands. Each does its work in the package that it comes from.
type Commands struct {
	Serve       serve.Command      `cmd:"" help:"Send messages until told to stop."`
	Demo        demo.Command       `cmd:"" help:"Show everything on a private Postgres and a fake WeChat; needs no configuration."`
	Migrate     database.Migrate   `cmd:"" help:"Bring the database schema up or down, or show where it is."`
	Send        messages.Send      `cmd:"" help:"Insert one message and follow it to its end."`
	Status      messages.Status    `cmd:"" help:"Show on one screen whether messages go out, and what needs a person."`
	List        messages.List      `cmd:"" help:"List messages."`
	Show        messages.Show      `cmd:"" help:"Tell the whole story of one message."`
	Retry       messages.Retry     `cmd:"" help:"Send messages again: failed ones, unless --status or --id says otherwise."`
	Cancel      messages.Cancel    `cmd:"" help:"Call messages off: waiting ones, unless --status or --id says otherwise."`
	Templates   templates.Command  `cmd:"" help:"List, check and try the templates."`
	Accounts    accounts.Command   `cmd:"" help:"List the accounts that messages go through, and check them."`
	Fakewechat  fakewechat.Command `cmd:"" help:"Run a WeChat to test against, as strict as the real one."`
	Rules       rules.Command      `cmd:"" help:"Let any table notify its users: make, show, try and mend rules."`
	Roles       database.Roles     `cmd:"" help:"Print the SQL that makes least-privilege roles, or check a database against it."`
	Postgres    postgres.Command   `cmd:"" help:"Run a private Postgres in the foreground."`
	Doctor      doctor.Command     `cmd:"" help:"Examine everything that submsg depends on, and say what to do."`
	Healthcheck doctor.Healthcheck `cmd:"" help:"Ask a running serve whether it is alive."`
	Bench       bench.Command      `cmd:"" help:"Measure submsg against the limits of this machine."`
	Version     version.Command    `cmd:"" help:"Print the version."`
}
