package templates

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seed is one case of the original system: what its code sent for these parameters.
type seed struct {
	Name, Title, TemplateID string
	Params                  []string
	Sample                  struct{ ParameterArr []string }
	Sent                    struct {
		TemplateID       string `json:"template_id"`
		Page             string
		MiniprogramState string `json:"miniprogram_state"`
		Lang             string
		Data             map[string]struct{ Value string }
	}
}

func seeds(t testing.TB) []seed {
	t.Helper()
	content, err := os.ReadFile("testdata/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []seed
	if err := json.Unmarshal(content, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestShippedTemplatesSendWhatTheOriginalSent(t *testing.T) {
	catalogue := shipped(t)
	cases := seeds(t)
	if got := len(catalogue.All()); got != len(cases) {
		t.Errorf("%d templates are shipped, the original had %d", got, len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			byName, ok := catalogue.Find(c.Name)
			byID, okID := catalogue.Find(c.TemplateID)
			if !ok || !okID || byName != byID {
				t.Fatalf("found by name: %v, by id: %v, the same: %v", ok, okID, byName == byID)
			}
			if diff := cmp.Diff(c.Params, byName.Params); diff != "" {
				t.Errorf("params (-want +got):\n%s", diff)
			}
			if byName.Title != c.Title {
				t.Errorf("title %q, want %q", byName.Title, c.Title)
			}
			got, err := byName.Render(c.Sample.ParameterArr, "")
			if err != nil {
				t.Fatal(err)
			}
			want := Payload{TemplateID: c.Sent.TemplateID, Page: c.Sent.Page, MiniprogramState: c.Sent.MiniprogramState,
				Lang: c.Sent.Lang}
			for _, f := range byName.Fields {
				want.Data = append(want.Data, Item{f.Key, c.Sent.Data[f.Key].Value})
			}
			if len(want.Data) != len(c.Sent.Data) {
				t.Errorf("%d keys, want %d", len(want.Data), len(c.Sent.Data))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllIsSortedAndItsOwn(t *testing.T) {
	catalogue := shipped(t)
	all := catalogue.All()
	if all[0].Name != "orderStatus" || all[1].Name != "vipPaySuccess" {
		t.Errorf("got %s, %s", all[0].Name, all[1].Name)
	}
	all[0] = nil
	if catalogue.All()[0] == nil {
		t.Error("a caller's change of the slice reached the catalogue")
	}
}
