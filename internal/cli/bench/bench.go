// Package bench is the work of `submsg bench`: it says what is to be measured, and prints the report as a table or
// JSON. It measures nothing by itself, which package internal/lab/bench does. Begin with Command.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/lab/bench"
)

// Command is `submsg bench`. It doesn't read DATABASE_URL: nobody's own database is measured by accident.
type Command struct {
	Quick       bool     `help:"Small numbers: about a minute instead of twenty."`
	Large       bool     `help:"Also with ten million settled messages beside; takes minutes and some 4 GB of disk."`
	JSON        bool     `name:"json" help:"Print JSON instead of a table."`
	Only        []string `placeholder:"FIGURE,…" help:"Measure only these: drain, inserts, wake, sustained, fairness, backlog, pinned, cost."`
	Senders     int      `default:"64" help:"Messages sent at once, where a figure doesn't say."`
	DatabaseURL string   `placeholder:"postgres://…" help:"Measure on this server, in databases created for it and dropped again, instead of a private one; DATABASE_URL is not read."`
	CPUProfile  string   `name:"cpuprofile" type:"path" placeholder:"FILE" help:"Write a CPU profile of this process, for go tool pprof."`
}

// Run measures, and prints the report.
func (c *Command) Run(ctx context.Context, term terminal.Terminal) (err error) {
	cfg, err := c.config(term)
	if err != nil {
		return err
	}
	cfg.Progress = term.Err.Progress
	if c.CPUProfile != "" {
		stop, err := profile(c.CPUProfile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	report, err := bench.Run(ctx, cfg)
	term.Err.EndProgress()
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		return err
	}
	if c.JSON {
		return term.Out.JSON(report)
	}
	Print(term.Out, report)
	return nil
}

func (c *Command) config(term terminal.Terminal) (cfg bench.Config, err error) {
	for _, name := range c.Only {
		if !slices.Contains(bench.Names(), name) {
			return cfg, terminal.BadUsage("--only: there is no figure %q; there are %s", name,
				strings.Join(bench.Names(), ", "))
		}
	}
	if c.Senders < 1 || c.Senders > 10000 {
		return cfg, terminal.BadUsage("--senders is %d, it must be 1 to 10000", c.Senders)
	}
	self, err := os.Executable()
	if err != nil {
		return cfg, fmt.Errorf("find the program to run again: %w", err)
	}
	scale := bench.Full
	if c.Quick {
		scale = bench.Quick
	}
	if c.Large {
		scale = scale.Large()
	}
	log := logrus.New()
	log.SetOutput(term.Err)
	log.SetLevel(logrus.WarnLevel)
	return bench.Config{Self: self, DatabaseURL: c.DatabaseURL, Only: c.Only, Senders: c.Senders, Scale: scale,
		Log: logrus.NewEntry(log)}, nil
}

func profile(file string) (stop func() error, err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// Print prints the report as a table.
func Print(out *terminal.Output, r *bench.Report) {
	t := terminal.NewTable("figure", "submsg", "limit", "ratio", "goal", "")
	t.Right(2, 3, 4, 5)
	for _, l := range r.Lines {
		var limit, ratio, met string
		if l.Rounds.Limit != nil {
			limit = l.Unit.Text(l.Limit)
		}
		if l.Ratio != 0 {
			ratio = fmt.Sprintf("%.2f ×", l.Ratio)
		}
		if l.Met != nil {
			met = map[bool]string{true: "reached", false: "missed"}[*l.Met]
		}
		t.Row(l.Figure, l.Unit.Text(l.Value), limit, ratio, l.Goal.Text(l.Unit), met)
	}
	out.Table(t)
	pg := r.Postgres
	out.Line("PostgreSQL %s, fsync %s, synchronous_commit %s, full_page_writes %s, shared_buffers %s; %d CPUs for "+
		"everything; %.0f s in all.", pg.Version, pg.Fsync, pg.SynchronousCommit, pg.FullPageWrites, pg.SharedBuffers,
		r.CPUs, r.Seconds)
}
