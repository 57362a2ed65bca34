// Package command is submsg's command line: the tree of its commands, how one is run, what a person is told of its
// error, the exit code, the signals. It is no part of package main only so that tests can run a command without
// another build. It knows nothing of what a command does: that stands in internal/serve and internal/cli. Begin with
// the tree, in tree.go.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/cli/terminal"
)

// The exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Main runs the command that the process was started with, and returns its exit code.
func Main() int {
	UnsetEmpty()
	return Run(os.Args[1:], terminal.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

// UnsetEmpty makes an empty setting an absent one: docker compose hands on so what nobody has set.
func UnsetEmpty() {
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); value == "" && strings.HasPrefix(name, "SUBMSG_") {
			os.Unsetenv(name)
		}
	}
}

// exited carries kong's wish to exit (after --help) out of its parser.
type exited int

// Run runs the command that the arguments say, and returns its exit code.
func Run(args []string, term terminal.Terminal) (code int) {
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

	command, err := Parser(new(Commands), kong.Writers(term.Out, term.Err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(term)).Parse(args)
	if err != nil {
		return report(term, terminal.UsageError{Err: err})
	}
	return report(term, command.Run())
}

// Parser reads a command line into the tree.
func Parser(tree *Commands, more ...kong.Option) *kong.Kong {
	parser, err := kong.New(tree, append([]kong.Option{kong.Name("submsg"),
		kong.Description("Insert a row into subMsgList, and the WeChat user gets the message."),
		kong.Vars{"fake_appid": settings.FakeAppID, "fake_secret": settings.FakeSecret},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true})}, more...)...)
	if err != nil {
		panic(err) // the command line's own structs are wrong
	}
	return parser
}

// report prints what a person needs to know of an error, on one line, and tells the exit code.
func report(term terminal.Terminal, err error) int {
	if err == nil {
		return ExitOK
	}
	fmt.Fprintln(term.Err, "submsg:", terminal.OneLine(err.Error()))
	if errors.As(err, new(terminal.UsageError)) {
		return ExitUsage
	}
	return ExitFailed
}

// interrupted is a context that ends at the first SIGINT or SIGTERM. The second ends the process.
func interrupted(term terminal.Terminal) (context.Context, func()) {
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
			fmt.Fprintln(term.Err, "submsg: second signal, stopping at once; messages in mid-send become unknown")
			os.Exit(130)
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done) }
}
