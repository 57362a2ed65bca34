package templates

import "testing"

// renders are a message of each shipped template.
func renders(t testing.TB) map[string]func() {
	all := map[string]func(){}
	for _, c := range seeds(t) {
		template, _ := shipped(t).Find(c.Name)
		all[c.Name] = func() {
			if _, err := template.Render(c.Sample.ParameterArr, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

func BenchmarkRender(b *testing.B) {
	for name, render := range renders(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				render()
			}
		})
	}
}

// What is needed is the payload's data, and each text that is joined of several parts; no maps, no reflection, no
// formatting.
func TestRenderAllocates(t *testing.T) {
	needed := map[string]float64{"orderStatus": 2, "vipPaySuccess": 1}
	for name, render := range renders(t) {
		if n := testing.AllocsPerRun(200, render); n > needed[name] && !raced {
			t.Errorf("%s: %g allocations, at most %g are needed", name, n, needed[name])
		}
	}
}
