package weixin

import (
	"slices"
	"sync"

	"github.com/sirupsen/logrus"
)

// secrets is an account's AppSecret, which a person may change while submsg runs.
type secrets struct {
	reread func() (Secret, error) // nil: it stays as it is
	log    *logrus.Entry

	mu    sync.Mutex
	known []Secret // the last one counts; others' words may still repeat those before it
	said  string   // why it couldn't be read again, as it was logged
}

// current is the secret to show.
func (s *secrets) current() Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[len(s.known)-1]
}

// texts are all that must not be shown to anybody else.
func (s *secrets) texts() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.known {
		list = append(list, string(secret))
	}
	return list
}

// renew reads the secret again, and tells whether it is another one. One that can't be read, or is none, changes
// nothing: somebody may be writing it just now.
func (s *secrets) renew() bool {
	if s.reread == nil {
		return false
	}
	secret, err := s.reread()
	if err == nil {
		err = checkWord("appsecret", string(secret))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if s.said != err.Error() {
			s.log.Warnf("the AppSecret can't be read again, the last one is used: %v", err)
		}
		s.said = err.Error()
		return false
	}
	s.said = ""
	if secret == s.known[len(s.known)-1] {
		return false
	}
	s.known = append(slices.DeleteFunc(s.known, func(old Secret) bool { return old == secret }), secret)
	s.log.Info("there is a new AppSecret, access tokens are asked for with it from now on")
	return true
}
