// Package command is submsg's command line: the tree of its commands, how one is run, what a person is told of its
// error, the exit code, the signals. It is no part of package main only so that tests can run a command without
// another build. It knows nothing of what a command does: that stands in internal/serve and internal/cli. Begin with
// the tree, in tree.go.
package command

import (
	"cmp"
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

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
	term := terminal.New(os.Stdin, os.Stdout, os.Stderr)
	log.SetOutput(term.Err) // what packages of Go's own say by themselves
	if width := term.Out.Width(); width > 0 && os.Getenv("COLUMNS") == "" {
		os.Setenv("COLUMNS", strconv.Itoa(width)) // how wide kong prints help; it can't ask the terminal through term
	}
	return Run(os.Args[1:], term)
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

// Run runs the command that the arguments say until it ends or a signal ends it, and returns its exit code.
func Run(args []string, term terminal.Terminal) int {
	ctx, stop := interrupted(term)
	defer stop()
	return RunUntil(ctx, args, term)
}

// RunUntil is Run where ctx ends the command, and no signal.
func RunUntil(ctx context.Context, args []string, term terminal.Terminal) (code int) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exited)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	command, err := Parser(new(Commands), kong.Writers(term.Out, term.Err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(term)).Parse(args)
	if err != nil {
		return report(term, terminal.UsageError{Err: err})
	}
	err = command.Run()
	return report(term, cmp.Or(err, term.Out.Flush()))
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
	term.Tell("%s", err)
	if errors.As(err, new(terminal.UsageError)) {
		return ExitUsage
	}
	return ExitFailed
}

// oneSignal is how long further signals are taken for the first one: a supervisor may send SIGTERM to the process and
// to its group, and nobody asks twice within a second to have messages cut in mid-send.
const oneSignal = time.Second

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
		for first := time.Now(); ; {
			select {
			case <-done:
				return
			case <-signals:
			}
			if time.Since(first) > oneSignal {
				term.Tell("second signal, stopping at once; messages in mid-send become unknown")
				os.Exit(130)
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done) }
}
