package outbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// account is what the dispatcher knows of one of the Sender's accounts.
type account struct {
	Account
	queue   *queue
	toSend  chan message // to its senders; holds as many as there are, so that it never blocks
	ready   readiness
	pace    pacer
	seeker  seeker
	ahead   aheadMeter
	backlog bool // the last claim has left some

	newestAt time.Duration // when its newest messages were last claimed
}

// sends tells whether messages of an account may be claimed. Where nobody sends no template that waits, there are none.
func (a *account) sends() bool { return a.ready.ok && (a.Name != "" || len(a.seeker.named) > 0) }

// nobodysSenders is how many senders refuse messages of templateIds that no account sends, which takes no time.
const nobodysSenders = 8

// accounts are those of the Sender, as it named them last. Those whose templateIds no account sends are sent by an
// account without a name, which needs nothing and is always ready: the Sender refuses them.
type accounts struct {
	cfg     Config
	hold    *holdings
	senders *senders

	named  []Account // as the Sender gave them
	list   []*account
	of     map[string]*account // by templateId
	nobody *account            // sends what no other does
	wrong  string              // why the last ones were not taken
}

// update asks the Sender for its accounts. Where these have changed, what was claimed for those that are gone waits
// again.
func (l *accounts) update(ctx context.Context) {
	named := l.cfg.Sender.Accounts()
	if same(named, l.named) && l.list != nil {
		return
	}
	if err := checkAccounts(named); err != nil {
		if l.wrong != err.Error() {
			l.cfg.Log.Errorf("the accounts before stay in use: %v", err)
		}
		l.wrong = err.Error()
		return
	}
	l.wrong, l.named = "", named
	want := named
	if len(named) != 1 || named[0].Templates != nil {
		want = append(slices.Clone(named), Account{Senders: nobodysSenders, Templates: []string{}})
	}
	before := l.list
	l.list, l.of = nil, make(map[string]*account)
	for _, a := range want {
		l.add(ctx, l.withDefaults(a), before)
	}
	for _, a := range before {
		if !slices.Contains(l.list, a) {
			l.remove(a)
		}
	}
}

// same tells whether a Sender has named the same accounts as before, without a look into them.
func same(a, b []Account) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

func (l *accounts) withDefaults(a Account) Account {
	a.Senders = cmp.Or(a.Senders, l.cfg.Senders)
	if a.Name != "" {
		a.Rate = cmp.Or(a.Rate, l.cfg.Rate)
	}
	return a
}

// add adds an account, which is one from before if only its templates have changed.
func (l *accounts) add(ctx context.Context, a Account, before []*account) {
	i := slices.IndexFunc(before, func(b *account) bool {
		return b.Name == a.Name && b.Rate == a.Rate && b.Senders == a.Senders &&
			b.OnePersonAtATime == a.OnePersonAtATime
	})
	var added *account
	if i >= 0 {
		added = before[i]
		added.Account = a
		added.queue.withdraw(func(m message) bool {
			return a.Templates != nil && !slices.Contains(a.Templates, m.TemplateID)
		})
	} else {
		added = l.open(ctx, a)
	}
	added.seeker.named = a.Templates
	l.list = append(l.list, added)
	for _, t := range a.Templates {
		l.of[t] = added
	}
	if a.Name == "" || a.Templates == nil {
		l.nobody = added
	}
}

// open begins with an account.
func (l *accounts) open(ctx context.Context, a Account) *account {
	added := &account{
		Account: a,
		queue:   l.hold.newQueue(a.Senders, a.OnePersonAtATime, l.cfg.SendTimeout/2),
		toSend:  make(chan message, a.Senders),
		ready:   readiness{ok: a.Name == "", log: l.cfg.Log.WithField("account", a.Name)},
		pace:    pacer{rate: a.Rate, log: l.cfg.Log},
		seeker:  newSeeker(),
		ahead:   aheadMeter{most: mostAhead * a.Senders},
	}
	for range a.Senders {
		go l.senders.run(ctx, added.toSend)
	}
	return added
}

// remove ends with an account: what has begun is finished.
func (l *accounts) remove(a *account) {
	a.queue.withdraw(func(message) bool { return true })
	l.hold.queues = slices.DeleteFunc(l.hold.queues, func(q *queue) bool { return q == a.queue })
	close(a.toSend)
}

// close lets the senders end.
func (l *accounts) close() {
	for _, a := range l.list {
		close(a.toSend)
	}
}

// accountOf tells by which account messages of a template go.
func (l *accounts) accountOf(templateID string) *account {
	return cmp.Or(l.of[templateID], l.nobody)
}

// most is how many messages may be in hand.
func (l *accounts) most() (n int) {
	for _, a := range l.list {
		n += (1 + mostAhead) * a.Senders
	}
	return n
}

// backlog tells whether the last claim has left messages of any account.
func (l *accounts) backlog() bool {
	return slices.ContainsFunc(l.list, func(a *account) bool { return a.backlog })
}

// waits takes in which templates a look found waiting, and which pauses it found. It returns whether there are messages
// that may go by an account that is ready.
func (l *accounts) waits(v store.View) (some bool) {
	if l.list == nil { // none that could be taken so far
		return false
	}
	others := []string{}
	for _, t := range v.Due {
		a := l.accountOf(t)
		if a == l.nobody && a.Templates != nil {
			others = append(others, t)
		}
		some = some || a.ready.ok && !slices.Contains(v.Stopped, a.pauseKey())
	}
	if l.nobody != nil && l.nobody.Templates != nil {
		l.nobody.seeker.named = others
	}
	return some
}

// allReady tells whether each account is ready: one that isn't has to be asked again.
func (l *accounts) allReady() bool {
	return !slices.ContainsFunc(l.list, func(a *account) bool { return !a.ready.ok })
}

// starving tells that of an account with a backlog nothing is claimed ahead any more, and senders are free.
func (l *accounts) starving() bool {
	return slices.ContainsFunc(l.list, func(a *account) bool {
		return a.backlog && a.queue.waiting() == 0 && a.queue.free >= max(1, a.Senders/collectSenders)
	})
}

// texts tells of each account why it sends nothing; "" if it can.
func (l *accounts) texts() map[string]string {
	all := make(map[string]string, len(l.list))
	for _, a := range l.list {
		if a.Name != "" {
			all[a.Name] = store.Printable(a.ready.text)
		}
	}
	return all
}
