package doctor

import (
	"context"
	"fmt"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/templates"
	"github.com/submsg/submsg/internal/doctor"
)

// examineAccount compares the templates of each account with its own list at WeChat.
func (r *remoteChecks) examineAccount(ctx context.Context) (doctor.Finding, error) {
	if r.configuration == nil {
		return doctor.NotNow("the accounts could not be read"), nil
	}
	findings := make([]doctor.Finding, len(r.configuration.Accounts))
	for i, a := range r.configuration.Accounts {
		f, err := r.compare(ctx, a)
		if err != nil {
			f = doctor.Finding{Level: doctor.Fail, Says: err.Error()}
		}
		f.Check = a.Name
		findings[i] = f
	}
	f := ofAll(findings)
	if f.Level == doctor.OK {
		f = doctor.Fine("the templates are as WeChat has them")
	}
	return f, nil
}

func (r *remoteChecks) compare(ctx context.Context, a *account.Account) (doctor.Finding, error) {
	listed, err := templates.ListedOf(ctx, a, false, r.accounts.AllowHTTP)
	if err != nil {
		return doctor.Finding{}, err
	}
	own := r.configuration.TemplatesOf(a)
	refused, others := map[string]bool{}, 0
	for _, d := range templates.Compare(own, listed) {
		switch {
		case d.Refused:
			refused[d.Template] = true
		case d.Key != "": // a template without a file is nobody's trouble
			others++
		}
	}
	f := doctor.Finding{Level: doctor.OK, Remedy: "submsg templates check --remote says what"}
	switch {
	case len(refused) > 0:
		f.Level = doctor.Fail
		f.Says = fmt.Sprintf("WeChat would refuse messages of %d of %d templates", len(refused), len(own))
	case others > 0:
		f.Level = doctor.Warn
		f.Says = fmt.Sprintf("WeChat's templates differ from the files in %d points, and take their messages", others)
	}
	return f, nil
}
