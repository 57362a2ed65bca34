package fakewechat

import (
	"net/http"
	"testing"
	"time"
)

// judged is what a call with the token is refused with for the token's sake, 0 if it is not.
func (f *fake) judged(token string) int {
	f.t.Helper()
	r := f.call(http.MethodPost, QuotaGetPath+"?access_token="+token, marshal(map[string]string{"cgi_path": SendPath}))
	return r.ErrCode
}

func (f *fake) want(code int, token result, when string) {
	f.t.Helper()
	if got := f.judged(token.Token); got != code {
		f.t.Errorf("%s: got %d, want %d", when, got, code)
	}
}

func TestStableTokenLives(t *testing.T) {
	f := newFake(t, Options{})
	first := f.stable(false)
	if len(first.Token) < 128 || first.ExpiresIn != 7200 {
		t.Fatalf("token of %d characters for %d s", len(first.Token), first.ExpiresIn)
	}
	f.clock.advance(115*time.Minute - time.Second)
	same := f.stable(false)
	if same.Token != first.Token || same.ExpiresIn != 301 {
		t.Errorf("before the last 5 minutes: same %v, %d s left", same.Token == first.Token, same.ExpiresIn)
	}
	f.clock.advance(2 * time.Second)
	second := f.stable(false)
	if second.Token == first.Token || second.ExpiresIn != 7200 {
		t.Errorf("in the last 5 minutes: same %v, %d s left", second.Token == first.Token, second.ExpiresIn)
	}
	f.want(0, first, "the old one, in the last 5 minutes")
	f.want(0, second, "the new one")
	f.clock.advance(5 * time.Minute)
	f.want(42001, first, "the old one, after its end")
	f.want(0, second, "the new one, after the old one's end")
}

func TestForcedRefresh(t *testing.T) {
	f := newFake(t, Options{})
	first := f.stable(false)
	second := f.stable(true)
	f.want(40001, first, "the one before a forced refresh")
	f.want(0, second, "the forced one")

	f.clock.advance(29 * time.Second)
	if again := f.stable(true); again.Token != second.Token {
		t.Error("refreshed less than 30 s after the last time")
	}
	f.clock.advance(time.Second)
	if again := f.stable(true); again.Token == second.Token {
		t.Error("not refreshed 30 s after the last time")
	}
	f.want(40001, second, "the one before the next forced refresh")

	for range forcesADay - 2 {
		f.clock.advance(30 * time.Second)
		f.stable(true)
	}
	f.clock.advance(30 * time.Second)
	if r := f.stable(true); r.ErrCode != 45009 {
		t.Errorf("forced more than 20 times a day: %d", r.ErrCode)
	}
	f.clock.advance(12 * time.Hour)
	if r := f.stable(true); r.ErrCode != 0 || r.Token == "" {
		t.Errorf("forced on the next day: %d %s", r.ErrCode, r.ErrMsg)
	}
	if got := f.Stats().Tokens; got != (TokenCalls{Stable: 24, Forced: 23}) {
		t.Errorf("token calls: %+v", got)
	}
}

func TestClassicTokenRetiresTheOldOne(t *testing.T) {
	f := newFake(t, Options{})
	stable := f.stable(false)
	first := f.classic()
	f.clock.advance(time.Hour)
	second := f.classic()
	if first.Token == second.Token {
		t.Fatal("the same token twice")
	}
	f.want(0, first, "the old one, at once")
	f.clock.advance(5*time.Minute - time.Second)
	f.want(0, first, "the old one, before 5 minutes are over")
	f.clock.advance(time.Second)
	f.want(40001, first, "the old one, after 5 minutes")
	f.want(0, second, "the new one")
	f.want(0, stable, "the stable one")

	forced := f.stable(true)
	f.want(40001, stable, "the stable one after a forced refresh")
	f.want(0, second, "the classic one after a forced refresh")
	f.clock.advance(115 * time.Minute)
	f.want(42001, second, "the classic one after 2 h")
	f.want(0, forced, "the forced one, 5 minutes before its end")
}

func TestKillTokens(t *testing.T) {
	f := newFake(t, Options{})
	stable, classic := f.stable(false), f.classic()
	f.KillTokens(false, false)
	f.want(40001, stable, "stable, revoked")
	f.want(40001, classic, "classic, revoked")

	stable = f.stable(false)
	f.want(0, stable, "the next one")
	f.KillTokens(true, false)
	f.want(42001, stable, "expired")

	stable = f.stable(false)
	f.KillTokens(false, true)
	if f.stable(false).Token != stable.Token {
		t.Error("sticky: a normal call got another token")
	}
	f.want(40001, stable, "sticky, revoked")
	f.want(0, f.stable(true), "after force")
}

func TestTokenEndpointsRefuse(t *testing.T) {
	f := newFake(t, Options{AppID: "wx1", Secret: "s1"})
	const ok = "client_credential"
	for _, tt := range []struct {
		name, appid, secret, grantType string
		want                           int
	}{
		{"nothing", "", "", "", 41002},
		{"other appid comes before the grant_type", "wx2", "s1", "x", 40013},
		{"grant_type", "wx1", "s1", "authorization_code", 40002},
		{"no secret", "wx1", "", ok, 41004},
		{"wrong secret", "wx1", "s2", ok, 40125},
		{"all good", "wx1", "s1", ok, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			query := "?grant_type=" + tt.grantType + "&appid=" + tt.appid + "&secret=" + tt.secret
			body := marshal(map[string]string{"grant_type": tt.grantType, "appid": tt.appid, "secret": tt.secret})
			for path, r := range map[string]result{
				TokenPath:       f.call(http.MethodGet, TokenPath+query, ""),
				StableTokenPath: f.call(http.MethodPost, StableTokenPath, body),
			} {
				if r.ErrCode != tt.want || (tt.want == 0) != (r.Token != "") {
					t.Errorf("%s: got %d %s, want %d", path, r.ErrCode, r.ErrMsg, tt.want)
				}
			}
		})
	}
	for body, want := range map[string]int{
		"": 44002, "{": 47001,
		`{"grant_type":"client_credential","appid":"wx1","secret":"s1","force_refresh":"true"}`: 47001,
		`{"GRANT_TYPE":"client_credential","appid":"wx1","secret":"s1"}`:                        40002,
	} {
		if r := f.call(http.MethodPost, StableTokenPath, body); r.ErrCode != want {
			t.Errorf("%s: got %d, want %d", body, r.ErrCode, want)
		}
	}
}
