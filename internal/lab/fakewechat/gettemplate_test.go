package fakewechat

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// list is the answer of gettemplate as it is written.
func (f *fake) list() string {
	f.t.Helper()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, GetTemplatePath+"?access_token="+f.stable(false).Token, nil))
	return w.Body.String()
}

func TestGetTemplate(t *testing.T) {
	got := newFake(t, Options{}).list()
	want := `{"errcode":0,"errmsg":"ok","data":[` +
		`{"priTmplId":"LongKeys0000000000000000000000000000000000a","title":"long keys",` +
		`"content":"a:{{character_string1.DATA}}\nb:{{car_number12.DATA}}\nc:{{character_string10.DATA}}\nd:{{number4.DATA}}\ne:{{enum_string2.DATA}}\n",` +
		`"example":"a:VIP20211128001\nb:粤A8Z888挂\nc:VIP20211128001\nd:88\ne:新\n",` +
		`"keywordEnumValueList":[{"enumValueList":["新","旧"],"keywordCode":"enum_string2.DATA"}],"type":2},` +
		`{"priTmplId":"` + orderID + `","title":"t",` +
		`"content":"goodsName:{{thing2.DATA}}\ngoodsPrice:{{amount3.DATA}}\norderStatus:{{thing11.DATA}}\nremark:{{thing5.DATA}}\n",` +
		`"example":"goodsName:生椰拿铁\ngoodsPrice:￥100\norderStatus:生椰拿铁\nremark:生椰拿铁\n","type":2},` +
		`{"priTmplId":"` + vipID + `","title":"t",` +
		`"content":"name:{{name1.DATA}}\ncardNumber:{{character_string2.DATA}}\npayMoney:{{amount4.DATA}}\nbalance:{{amount5.DATA}}\nremark:{{thing13.DATA}}\n",` +
		`"example":"name:张三\ncardNumber:VIP20211128001\npayMoney:￥100\nbalance:￥100\nremark:生椰拿铁\n","type":2}]}`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !json.Valid([]byte(got)) {
		t.Error("not JSON")
	}
}

func TestGetTemplateRefuses(t *testing.T) {
	f := newFake(t, Options{})
	for _, tt := range []struct {
		name, method, query string
		code                int
	}{
		{"POST", http.MethodPost, "?access_token=" + f.stable(false).Token, 43001},
		{"no token", http.MethodGet, "", 41001},
		{"a token of another form", http.MethodGet, "?access_token=x", 40014},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r := f.call(tt.method, GetTemplatePath+tt.query, ""); r.ErrCode != tt.code {
				t.Errorf("%d, want %d", r.ErrCode, tt.code)
			}
		})
	}
	dead := f.stable(false).Token
	f.KillTokens(false, false)
	if r := f.call(http.MethodGet, GetTemplatePath+"?access_token="+dead, ""); r.ErrCode != 40001 {
		t.Errorf("a revoked token: %d", r.ErrCode)
	}
	if err := f.SetQuota(GetTemplatePath, 0, Unlimited); err != nil {
		t.Fatal(err)
	}
	if r := f.call(http.MethodGet, GetTemplatePath+"?access_token="+f.stable(false).Token, ""); r.ErrCode != 45009 {
		t.Errorf("over the quota: %d", r.ErrCode)
	}
}

func TestSamples(t *testing.T) {
	for typ := range checks {
		if samples[typ] == "" {
			t.Errorf("type %s has no sample", typ)
		}
	}
	for typ, v := range samples {
		if !valid(typ, nil, v) {
			t.Errorf("%s refuses its sample %q", typ, v)
		}
	}
}
