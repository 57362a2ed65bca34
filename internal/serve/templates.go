package serve

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/internal/rules"
	"github.com/submsg/submsg/templates"
)

// nameOf returns the name of a template by its id or name, "" for one that isn't known.
func nameOf(live *account.Live) func(string) string {
	return func(idOrName string) string {
		if t, ok := live.Templates().Find(idOrName); ok {
			return t.Name
		}
		return ""
	}
}

func resender(live *account.Live) func(string) bool {
	return func(id string) bool {
		t, ok := live.Templates().Find(id)
		return ok && t.OnUnknown == templates.Resend
	}
}

// publishWithin is how long serve waits for its templates to be published before it says that it serves.
const publishWithin = 2 * time.Second

// forgetAfter: templates that nobody has published so many times are forgotten.
const forgetAfter = 6

// publishing publishes the templates beside the sending, because somebody's lock on their table must hold up no
// message. It waits for a moment before it returns, so that whoever hears that we serve finds them, usually. The rest
// goes on until ctx ends: it publishes them again and again, so that what nobody publishes any more can be told.
func publishing(ctx context.Context, pool *pgxpool.Pool, live *account.Live, every time.Duration,
	log *logrus.Entry) (rest func() error) {
	published := make(chan struct{})
	go func() {
		defer close(published)
		publish(ctx, pool, live, log)
	}()
	select {
	case <-published:
	case <-time.After(publishWithin):
	}
	return func() error {
		<-published
		tick := time.NewTicker(every)
		defer tick.Stop()
		for first := time.Now(); ; {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			publish(ctx, pool, live, log)
			if time.Since(first) < forgetAfter*every { // others may still have to start
				continue
			}
			if err := rules.Forget(ctx, pool, forgetAfter*every); err != nil && ctx.Err() == nil {
				log.Warnf("rules are checked against templates, too, that nobody has any more: %v", err)
			}
		}
	}
}

// publish tells the database the templates, against which rules are checked when they are defined.
func publish(ctx context.Context, pool *pgxpool.Pool, live *account.Live, log *logrus.Entry) {
	var all []rules.Template
	now := live.Current()
	for _, t := range now.Templates.All() {
		all = append(all, rules.Template{ID: t.ID, Name: t.Name, Title: t.Title, Account: now.AccountOf(t.ID).Name,
			Params: t.Params})
	}
	if err := rules.Publish(ctx, pool, all); err != nil && ctx.Err() == nil {
		log.Warnf("rules are checked against the templates published before: %v", err)
	}
}

// reloadEvery is how often the files are looked at.
const reloadEvery = 2 * time.Second

// reloading takes changed files of accounts and templates, until ctx ends; while one has a mistake, the old ones stay.
func reloading(ctx context.Context, live *account.Live, use func(*account.Configuration) error, log *logrus.Entry,
	reloaded func()) func() error {
	said := ""
	return func() error {
		tick := time.NewTicker(reloadEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			changed, err := live.Reload(use)
			if err != nil && err.Error() != said {
				log.Errorf("a file has a mistake, the accounts and templates before stay in use: %s",
					terminal.OneLine(err.Error()))
			}
			said = ""
			if err != nil {
				said = err.Error()
			}
			if changed {
				log.WithFields(logrus.Fields{"accounts": len(live.Current().Accounts),
					"templates": len(live.Templates().All())}).Info("accounts and templates reloaded")
				reloaded()
			}
		}
	}
}
