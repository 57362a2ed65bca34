// Command submsg sends the messages of a Postgres table to WeChat users. One file a subcommand; this is the only
// place where the packages are tied together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/submsg/submsg/internal/lab/fakewechat"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

type cli struct {
	Serve       serveCmd       `cmd:"" help:"Send messages until told to stop."`
	Demo        demoCmd        `cmd:"" help:"Show everything on a private Postgres and a fake WeChat; needs no configuration."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database schema up or down, or show where it is."`
	Send        sendCmd        `cmd:"" help:"Insert one message and follow it to its end."`
	Status      statusCmd      `cmd:"" help:"Show on one screen whether messages go out, and what needs a person."`
	List        listCmd        `cmd:"" help:"List messages."`
	Show        showCmd        `cmd:"" help:"Tell the whole story of one message."`
	Retry       retryCmd       `cmd:"" help:"Send messages again: failed ones, unless --status or --id says otherwise."`
	Cancel      cancelCmd      `cmd:"" help:"Call messages off: waiting ones, unless --status or --id says otherwise."`
	Templates   templatesCmd   `cmd:"" help:"List, check and try the templates."`
	Fakewechat  fakewechatCmd  `cmd:"" help:"Run a WeChat to test against, as strict as the real one."`
	Rules       rulesCmd       `cmd:"" help:"Let any table notify its users: make, show, try and mend rules."`
	Roles       rolesCmd       `cmd:"" help:"Print the SQL that makes least-privilege roles, or check a database against it."`
	Postgres    postgresCmd    `cmd:"" help:"Run a private Postgres in the foreground."`
	Doctor      doctorCmd      `cmd:"" help:"Examine everything that submsg depends on, and say what to do."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running serve whether it is alive."`
	Bench       benchCmd       `cmd:"" help:"Measure submsg against the limits of this machine."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// terminal is where a command reads and prints.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is a mistake in flags, environment or configuration: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func badUsage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	unsetEmpty()
	os.Exit(run(os.Args[1:], terminal{os.Stdin, os.Stdout, os.Stderr}))
}

// unsetEmpty makes an empty setting an absent one: docker compose hands on so what nobody has set.
func unsetEmpty() {
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); value == "" && strings.HasPrefix(name, "SUBMSG_") {
			os.Unsetenv(name)
		}
	}
}

// exited carries kong's wish to exit (after --help) out of its parser.
type exited int

func run(args []string, term terminal) (code int) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exited)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	ctx, stop := interrupted(term)
	defer stop()

	parser, err := kong.New(new(cli), kong.Name("submsg"),
		kong.Description("Insert a row into subMsgList, and the WeChat user gets the message."),
		kong.Writers(term.out, term.err), kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Vars{"fake_appid": fakewechat.DefaultAppID, "fake_secret": fakewechat.DefaultSecret},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(term))
	if err != nil {
		panic(err) // the command line's own structs are wrong
	}
	command, err := parser.Parse(args)
	if err != nil {
		return report(term, usageError{err})
	}
	return report(term, command.Run())
}

// report prints what a person needs to know of an error, on one line, and tells the exit code.
func report(term terminal, err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(term.err, "submsg:", oneLine(err.Error()))
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

// values are the parameters on a command line. The -- that keeps a first value like -1 from being a flag comes along as if it
// were a value too.
func values(params []string) []string {
	if len(params) > 0 && params[0] == "--" {
		return params[1:]
	}
	return params
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// interrupted is a context that ends at the first SIGINT or SIGTERM. The second ends the process.
func interrupted(term terminal) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer cancel()
		select {
		case <-done:
			return
		case <-signals:
			cancel()
		}
		select {
		case <-done:
		case <-signals:
			fmt.Fprintln(term.err, "submsg: second signal, stopping at once; messages in mid-send become unknown")
			os.Exit(130)
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done) }
}
