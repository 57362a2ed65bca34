package templates

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/submsg/submsg/internal/account"
	"github.com/submsg/submsg/internal/channel"
	"github.com/submsg/submsg/internal/cli/accounts"
	"github.com/submsg/submsg/internal/cli/terminal"
	"github.com/submsg/submsg/templates"
)

// ListedOf asks the channel which templates the account has. Where it is one of several, their files are to say so.
func ListedOf(ctx context.Context, a *account.Account, several, allowHTTP bool) ([]templates.Listed, error) {
	sender, err := accounts.Open(a, allowHTTP)
	if err != nil {
		return nil, terminal.UsageError{Err: err}
	}
	defer sender.Close()
	lister, ok := sender.(channel.Lister)
	if !ok {
		return nil, terminal.BadUsage("account %s: the channel %s has no list of templates", a.Name, a.Channel)
	}
	listed, err := lister.ListTemplates(ctx)
	for i := range listed {
		if several {
			listed[i].Account = a.Name
		}
	}
	return listed, err
}

// Difference is one thing that a template file and WeChat's list don't agree on.
type Difference struct {
	Template, Key, Says string
	Refused             bool // WeChat would refuse messages because of it
}

// Compare returns all differences: first those of the files in their order, then what has no file.
func Compare(local []*templates.Template, listed []templates.Listed) (all []Difference) {
	have := map[string]bool{}
	for _, t := range local {
		have[t.ID] = true
		i := slices.IndexFunc(listed, func(l templates.Listed) bool { return l.ID == t.ID })
		if i < 0 {
			all = append(all, Difference{t.Name, "", "the account has no template " + t.ID, true})
			continue
		}
		all = append(all, compareKeys(t, listed[i].Keys)...)
	}
	for _, l := range listed {
		if !have[l.ID] {
			pull := "submsg templates pull -- " + l.ID
			if l.Account != "" {
				pull = "submsg templates pull --account " + l.Account + " -- " + l.ID
			}
			all = append(all, Difference{l.Title, "", "no file has it: " + pull, false})
		}
	}
	return all
}

func compareKeys(t *templates.Template, listed []templates.ListedKey) (all []Difference) {
	surplus := slices.Clone(t.Fields)
	for _, k := range listed {
		same := func(f templates.Field) bool { return f.Key == k.Key }
		if i := slices.IndexFunc(surplus, same); i >= 0 {
			all = append(all, compareValues(t, surplus[i], k)...)
			surplus = slices.Delete(surplus, i, i+1)
			continue
		}
		// The number is the key's own on its template, so that another type with it is a mistake in the type.
		says := "missing in the file: " + k.Label
		if i := slices.IndexFunc(surplus, func(f templates.Field) bool {
			return number(f.Key) == number(k.Key)
		}); i >= 0 {
			says = fmt.Sprintf("the file has %s", surplus[i].Key)
			surplus = slices.Delete(surplus, i, i+1)
		}
		all = append(all, Difference{t.Name, k.Key, says, true})
	}
	for _, f := range surplus {
		all = append(all, Difference{t.Name, f.Key, "WeChat has no such key, users don't see it", false})
	}
	return all
}

func number(key string) string { return strings.TrimLeft(key, "abcdefghijklmnopqrstuvwxyz_") }

// compareValues is about enums only: WeChat lists no values of other types.
func compareValues(t *templates.Template, f templates.Field, k templates.ListedKey) (all []Difference) {
	if len(k.Values) == 0 {
		return nil
	}
	says := func(refused bool, what string, values []string) {
		if len(values) > 0 {
			all = append(all, Difference{t.Name, f.Key, what + terminal.Some(values), refused})
		}
	}
	if !strings.Contains(f.Value, "{") { // it stands in the file, no parameter changes it
		says(true, "WeChat does not take ", without([]string{f.Value}, k.Values))
		return all
	}
	says(true, "WeChat does not take ", without(f.Values, k.Values))
	says(false, "not listed in the file: ", without(k.Values, f.Values))
	return all
}

// without returns what stands in a only.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(v string) bool { return slices.Contains(b, v) })
}

// printComparison fails when WeChat would refuse messages of a local template.
func printComparison(term terminal.Terminal, local []*templates.Template, listed []templates.Listed) error {
	differences := Compare(local, listed)
	if len(differences) == 0 {
		term.Out.Line("no difference from WeChat's list")
		return nil
	}
	t := terminal.NewTable("template", "key", "difference", "refused")
	refused := map[string]bool{}
	for _, d := range differences {
		verdict := "no"
		if d.Refused {
			verdict, refused[d.Template] = "yes", true
		}
		t.Row(d.Template, d.Key, d.Says, verdict)
	}
	term.Out.Table(t)
	if len(refused) > 0 {
		return fmt.Errorf("WeChat would refuse messages of %d of %d templates", len(refused), len(local))
	}
	return nil
}
