package fakewechat

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is misbehaviour to come. It spoils the calls that it fits: of several faults, a call meets the one that was
// added first.
type Fault struct {
	Kind        string        // one of the kinds in deliver.go
	Count       int           // how often; 0 means once, -1 until the faults are cleared
	Probability float64       // of striking a call that it fits; 0 means always
	Path        string        // "" means subscribe/send, "*" every path
	OpenID      string        // "" means everybody
	TemplateID  string        // "" means every template
	ErrCode     int           // of kind errcode
	ErrMsg      string        // of kind errcode; "" means WeChat's text for ErrCode
	Delay       time.Duration // before the answer; of kind slow_body: before each byte
	Accepted    bool          // the call is judged as usual, a good message accepted, before the fault strikes
}

// faults are those that still wait for a call.
type faults struct {
	mu    sync.Mutex
	dice  *rand.Rand
	armed []*Fault
}

func (fs *faults) init(seed uint64) { fs.dice = rand.New(rand.NewPCG(seed, seed)) }

// pick is a copy of the fault that this call meets, or nil.
func (fs *faults) pick(path, openid, templateID string) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.armed {
		if !f.fits(path, openid, templateID) || f.Probability > 0 && fs.dice.Float64() >= f.Probability {
			continue
		}
		hit := *f
		if f.Count--; f.Count == 0 {
			fs.armed = slices.Delete(fs.armed, i, i+1)
		}
		return &hit
	}
	return nil
}

func (f *Fault) fits(path, openid, templateID string) bool {
	return (f.Path == anyone || f.Path == path) &&
		(f.OpenID == "" || f.OpenID == openid) &&
		(f.TemplateID == "" || f.TemplateID == templateID)
}

func (f *Fault) slow() bool { return f.Kind == "slow_body" }

// Fault adds f. The error of one that makes no sense says why.
func (s *Server) Fault(f Fault) error {
	if err := f.complete(); err != nil {
		return err
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = append(s.faults.armed, &f)
	return nil
}

// ClearFaults removes every fault.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = nil
}

// complete fills in the defaults and refuses what makes no sense.
func (f *Fault) complete() error {
	k, known := kinds[f.Kind]
	_, path := endpoints[f.Path]
	switch {
	case !known:
		return fmt.Errorf("kind must be one of %s", strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	case k.accepts == never && f.Accepted:
		return fmt.Errorf("%s accepts nothing; drop_after does", f.Kind)
	case f.Count < -1:
		return fmt.Errorf("count must be -1 (endless), or 1 or more, not %d", f.Count)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability must be between 0 and 1, not %v", f.Probability)
	case f.Delay < 0:
		return fmt.Errorf("delay must not be negative")
	case f.Path != "" && f.Path != anyone && !path:
		return fmt.Errorf("path must be \"*\" or one of %s", strings.Join(slices.Sorted(maps.Keys(endpoints)), ", "))
	case f.Kind != "errcode" && (f.ErrCode != 0 || f.ErrMsg != ""):
		return fmt.Errorf("errcode and errmsg belong to kind errcode, not %s", f.Kind)
	}
	if f.Path == "" {
		f.Path = SendPath
	}
	if f.Count == 0 {
		f.Count = 1
	}
	if f.Delay == 0 {
		f.Delay = k.delay
	}
	f.Accepted = f.Accepted || k.accepts == always
	if f.Kind == "system_error" {
		f.ErrCode = -1
	}
	return f.word()
}

// word finds the text of the errcode that the fault answers with.
func (f *Fault) word() error {
	if f.Kind == "errcode" && f.ErrCode == 0 {
		return fmt.Errorf("kind errcode needs an errcode other than 0")
	}
	if f.ErrMsg == "" {
		f.ErrMsg = errmsgs[f.ErrCode]
	}
	if f.ErrCode != 0 && f.ErrMsg == "" {
		return fmt.Errorf("errcode %d needs an errmsg", f.ErrCode)
	}
	return nil
}

// replace puts the fault's errcode, if it has one, in the place of what was judged.
func (f *Fault) replace(a answer) answer {
	if f.ErrCode == 0 {
		return a
	}
	return reply(nil, &refusal{f.ErrCode, f.ErrMsg})
}

func (f *Fault) deliver(w http.ResponseWriter, r *http.Request, a answer) {
	if f == nil || kinds[f.Kind].write == nil {
		a.write(w)
		return
	}
	kinds[f.Kind].write(w, r, a, f)
}
