package doctor

import (
	"context"
	"strings"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/cli/accounts"
	"github.com/submsg/submsg/internal/cli/settings"
	"github.com/submsg/submsg/internal/doctor"
)

// remoteChecks are those of the templates and of the accounts.
type remoteChecks struct {
	accounts  settings.Accounts
	templates settings.Templates

	configuration *account.Configuration // nil where it could not be read
}

func (r *remoteChecks) checks() []doctor.Check {
	return []doctor.Check{
		look("templates", nil, r.examineTemplates),
		look("token", nil, r.examineToken),
		look("account", []string{"templates", "token"}, r.examineAccount),
	}
}

// examineTemplates also finds out which account sends each, where the accounts can be read; what is wrong with those
// is told by examineToken.
func (r *remoteChecks) examineTemplates(context.Context) (doctor.Finding, error) {
	catalogue, err := r.templates.Load()
	if err == nil && !r.accounts.None() {
		if list, unread := r.accounts.Load(accounts.Silent()); unread == nil {
			if r.configuration, err = account.Assign(list, catalogue); err != nil {
				err = r.templates.Mistake(err)
			}
		}
	}
	if err != nil {
		return doctor.Finding{Level: doctor.Fail, Says: err.Error(),
			Remedy: "mend the files, then submsg templates check"}, nil
	}
	return doctor.Fine("%d, no mistakes", len(catalogue.All())), nil
}

func (r *remoteChecks) examineToken(ctx context.Context) (doctor.Finding, error) {
	if r.accounts.None() {
		return doctor.NotNow("no WeChat account is set: SUBMSG_WECHAT_APPID and SUBMSG_WECHAT_SECRET, or " +
			"SUBMSG_WECHAT_SECRET_FILE"), nil
	}
	list, err := r.accounts.Load(accounts.Silent())
	if err != nil {
		return doctor.Finding{}, err
	}
	return ofAll(accounts.Examine(ctx, list, r.accounts.WeChat)), nil
}

// ofAll makes one finding of those about each account: what is worst, and about whom.
func ofAll(findings []doctor.Finding) doctor.Finding {
	if len(findings) == 1 {
		return findings[0]
	}
	for _, level := range []doctor.Level{doctor.Fail, doctor.Warn} {
		var says, remedies []string
		for _, f := range findings {
			if f.Level != level {
				continue
			}
			says = append(says, f.Check+": "+f.Says)
			if f.Remedy != "" {
				remedies = append(remedies, f.Check+": "+f.Remedy)
			}
		}
		if len(says) > 0 {
			return doctor.Finding{Level: level, Says: strings.Join(says, "; "), Remedy: strings.Join(remedies, "; ")}
		}
	}
	return doctor.Fine("of %d accounts: the credentials are right, and this address may use them", len(findings))
}
