// Package settings holds what several commands are told in the same words: where the database is, which accounts send,
// where the templates are, what is logged. Each is a struct of flags and environment variables that a command
// embeds, with what it takes to check and use them. It knows no command. Begin with Database.
package settings

import (
	"cmp"
	"io/fs"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/templates"
)

// Log says what goes to standard error.
type Log struct {
	Level  string `name:"log-level" env:"SUBMSG_LOG_LEVEL" default:"info" enum:"error,warn,info,debug" help:"Least level logged: ${enum}."`
	Format string `name:"log-format" env:"SUBMSG_LOG_FORMAT" default:"text" enum:"text,json" help:"Format of the log: ${enum}."`
}

// Logger writes to the terminal's standard error.
func (s Log) Logger(term terminal.Terminal) *logrus.Entry {
	log := logrus.New()
	log.SetOutput(term.Err)
	level, err := logrus.ParseLevel(s.Level)
	if err != nil {
		level = logrus.InfoLevel
	}
	log.SetLevel(level)
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: "2006-01-02 15:04:05.000"})
	if s.Format == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	}
	return logrus.NewEntry(log)
}

// Output lets a program read what a command prints.
type Output struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Templates says which templates there are.
type Templates struct {
	Dir string `name:"templates" env:"SUBMSG_TEMPLATES" type:"path" placeholder:"DIR" help:"Folder of template files, instead of the shipped ones."`
}

// Files is the folder, or the shipped templates.
func (s Templates) Files() fs.FS {
	if s.Dir == "" {
		return templates.FS
	}
	return templates.Folder(s.Dir)
}

// Load reads the templates once.
func (s Templates) Load() (*templates.Catalogue, error) {
	catalogue, err := fields.Load(s.Files())
	if err != nil {
		return nil, s.Mistake(err)
	}
	return catalogue, nil
}

// Mistake is an error of the template files, which knows them only from inside their folder.
func (s Templates) Mistake(err error) error {
	return terminal.BadUsage("templates in %s: %w", cmp.Or(s.Dir, "this submsg"), err)
}
