package fakewechat

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPermissionIsUsedByAcceptedSendsOnly(t *testing.T) {
	f := newFake(t, Options{})
	f.grant(anna, orderID, 1)
	f.send(with(order(), "page", "a b"))
	if n := f.Permissions(anna, orderID); n != 1 {
		t.Fatalf("a refused send left %d of 1", n)
	}
	id(t, f.send(order()))
	if r := f.send(order()); r.ErrCode != 43101 {
		t.Errorf("a second send with one permission: %d", r.ErrCode)
	}
	f.grant(anna, orderID, 2)
	f.grant(anna, orderID, 1)
	if n := f.Permissions(anna, orderID); n != 3 {
		t.Errorf("0 + 2 + 1 permissions are %d", n)
	}
}

func TestMostExactPermissionCounts(t *testing.T) {
	f := newFake(t, Options{GrantAll: true})
	f.grant(boris, orderID, 0)
	f.grant(anna, "*", 2)
	for _, tt := range []struct {
		openid, template string
		want             int
	}{
		{anna, orderID, 2}, {anna, vipID, 2}, {boris, orderID, 0}, {boris, vipID, Endless},
	} {
		if n := f.Permissions(tt.openid, tt.template); n != tt.want {
			t.Errorf("%.6s, %.6s: %d, want %d", tt.openid, tt.template, n, tt.want)
		}
	}
	id(t, f.send(order()))
	if a, b := f.Permissions(anna, orderID), f.Permissions(anna, vipID); a != 1 || b != 2 {
		t.Errorf("after one send: %d and %d, want 1 of its own and 2", a, b)
	}
	f.grant(anna, orderID, Endless)
	f.grant(anna, orderID, 5)
	if n := f.Permissions(anna, orderID); n != Endless {
		t.Errorf("endless and 5 are %d", n)
	}
}

func TestGrantRefuses(t *testing.T) {
	f := newFake(t, Options{})
	for name, err := range map[string]error{
		"openid":   f.Grant("anna", orderID, 1),
		"template": f.Grant(anna, "orderStatus", 1),
		"count":    f.Grant(anna, orderID, -2),
	} {
		if err == nil {
			t.Errorf("a wrong %s was taken", name)
		}
	}
}

// No permission goes below zero, and each accepted send has used one, whatever is granted and sent.
func TestPermissionsBalance(t *testing.T) {
	f := newFake(t, Options{})
	rapid.Check(t, func(rt *rapid.T) {
		f := newFake(f.t, Options{})
		granted, accepted := map[pair]int{}, map[pair]int{}
		people := []string{anna, boris}
		kinds := map[string]map[string]any{
			orderID: order(),
			vipID: {"template_id": vipID, "data": items("name1", "张三", "character_string2", "V1",
				"amount4", "1", "amount5", "1", "thing13", "x")},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"grant": func(rt *rapid.T) {
				p := pair{rapid.SampledFrom(people).Draw(rt, "openid"),
					rapid.SampledFrom([]string{orderID, vipID}).Draw(rt, "template")}
				n := rapid.IntRange(0, 3).Draw(rt, "count")
				if n == 0 {
					granted[p] = accepted[p]
				}
				granted[p] += n
				f.grant(p.openid, p.templateID, n)
			},
			"send": func(rt *rapid.T) {
				p := pair{rapid.SampledFrom(people).Draw(rt, "openid"),
					rapid.SampledFrom([]string{orderID, vipID}).Draw(rt, "template")}
				m := with(kinds[p.templateID], "touser", p.openid, "page", nil)
				if rapid.Bool().Draw(rt, "bad page") {
					with(m, "page", ":")
				}
				if f.send(m).ErrCode == 0 {
					accepted[p]++
				}
			},
			"": func(rt *rapid.T) {
				total := 0
				for _, openid := range people {
					for template := range kinds {
						p := pair{openid, template}
						if left := f.Permissions(openid, template); left < 0 || left != granted[p]-accepted[p] {
							rt.Fatalf("%d left of %d after %d accepted sends", left, granted[p], accepted[p])
						}
						total += accepted[p]
					}
				}
				if n := len(f.Sent()); n != total {
					rt.Fatalf("%d in the ledger, %d answered with 0", n, total)
				}
			},
		})
	})
}
