package doctor

import (
	"context"
	"fmt"

	"github.com/submsg/submsg/internal/cli/templates"
	"github.com/submsg/submsg/internal/doctor"
)

// examineAccount compares the templates with WeChat's own list.
func (r *remoteChecks) examineAccount(ctx context.Context) (doctor.Finding, error) {
	listed, err := r.sender.ListTemplates(ctx)
	if err != nil {
		return doctor.Finding{}, err
	}
	refused, others := map[string]bool{}, 0
	for _, d := range templates.Compare(r.catalogue.All(), listed) {
		switch {
		case d.Refused:
			refused[d.Template] = true
		case d.Key != "": // a template without a file is nobody's trouble
			others++
		}
	}
	f := doctor.Finding{Remedy: "submsg templates check --remote says what"}
	switch {
	case len(refused) > 0:
		f.Level = doctor.Fail
		f.Says = fmt.Sprintf("WeChat would refuse messages of %d of %d templates", len(refused), len(r.catalogue.All()))
	case others > 0:
		f.Level = doctor.Warn
		f.Says = fmt.Sprintf("WeChat's templates differ from the files in %d points, and take their messages", others)
	default:
		return doctor.Fine("the templates are as WeChat has them"), nil
	}
	return f, nil
}
