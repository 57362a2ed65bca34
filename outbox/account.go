package outbox

import (
	"errors"
	"fmt"
)

// Account is what messages are sent by: a mini-program, say. Its quota, its pauses, its rate and whatever else goes
// wrong with it hold back its own messages only.
type Account struct {
	Name      string   // stands in its pause's key and in logs
	Templates []string // the templateIds that it sends, in each spelling; nil: any, where it is the only account
	Rate      float64  // messages per second, by all replicas together; 0: Config.Rate
	Senders   int      // sends at once; 0: Config.Senders

	// OnePersonAtATime: the channel refuses a message to a person while another one is under way.
	OnePersonAtATime bool
}

// MostAccounts is how many a Sender may have.
const MostAccounts = 1000

func checkAccounts(list []Account) error {
	if len(list) > MostAccounts {
		return fmt.Errorf("outbox: %d accounts, at most %d", len(list), MostAccounts)
	}
	names := make(map[string]bool, len(list))
	for _, a := range list {
		if a.Templates == nil && len(list) > 1 {
			return errors.New("outbox: an account for any template must be the only one")
		}
		if names[a.Name] || a.Name == "" {
			return fmt.Errorf("outbox: %q is the name of two accounts, or empty", a.Name)
		}
		names[a.Name] = true
		if err := CheckRate(a.Rate); err != nil {
			return fmt.Errorf("outbox: account %s: %w", a.Name, err)
		}
		if a.Senders < 0 {
			return fmt.Errorf("outbox: account %s: %d senders", a.Name, a.Senders)
		}
	}
	return nil
}
