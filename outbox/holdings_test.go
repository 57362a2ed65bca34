package outbox

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/submsg/submsg/outbox/internal/store"
)

// The books as a state machine, driven through random events: claims, senders that become free, verdicts, pauses, lost
// answers, time that passes, and the end. After each step every message that was claimed stands in one place.

const (
	modelSenders = 3
	modelAhead   = 12
	modelTime    = 100 * time.Millisecond // what a send may take
)

// books is a consumer's books together with what a test knows of them.
type books struct {
	*rapid.T
	hold    *holdings
	queue   *queue
	now     time.Duration
	lastID  int64
	claims  int
	waiting map[int64]message // in the table: not claimed, or given back
	claimed map[int64]message // not settled, and not given back
	begun   map[int64]message // with senders
	under   *turnUnderWay
	stopped bool
	paused  map[string]bool
	last    map[string]int64         // by openid: what has begun last
	loose   map[string]bool          // of these people a message was held up by itself: a later one may go first
	busy    map[string]bool          // another replica sends to these people
	rests   map[string]time.Duration // until then nothing is sent to these people
	left    map[string]bool          // to others: a message of theirs was refused, and nothing is known since
}

// turnUnderWay is a turn that the database works on.
type turnUnderWay struct {
	outcomes []store.Settlement
	back     []store.Held
	behind   []string
	limit    int
}

// turn begins a turn, or ends the one under way: other things happen in between.
func (b *books) turn(t *rapid.T) {
	if b.under != nil {
		b.endTurn(t)
		return
	}
	b.insert(t)
	outcomes, back := b.hold.take()
	b.ask(t, outcomes)
	room := modelSenders + modelAhead - b.hold.inHand() - len(outcomes) - len(back)
	b.under = &turnUnderWay{outcomes: outcomes, back: back, behind: b.hold.behindOthers()}
	if !b.stopped {
		b.under.limit = rapid.IntRange(0, max(room, 0)).Draw(t, "rows")
	}
}

func (b *books) endTurn(t *rapid.T) {
	u := b.under
	b.under = nil
	b.claims++
	id := fmt.Sprint("claim ", b.claims)
	if rapid.IntRange(0, 9).Draw(t, "answer") == 0 { // lost: nothing of it is known
		b.hold.putBack(u.outcomes, u.back)
		b.hold.claims.lose(id, b.now)
		for who := range b.people() { // what is given back then is claimed later than what stood behind it
			b.loose[who] = true
		}
		return
	}
	b.answer(t, u)
	var list []message
	for _, mID := range slices.Sorted(maps.Keys(b.waiting)) {
		m := b.waiting[mID]
		if len(list) < u.limit && !slices.Contains(u.behind, m.OpenID) && !b.paused[m.TemplateID] {
			m.ClaimID, m.deadline = id, b.now+modelTime
			list = append(list, m)
			b.claimed[mID] = m
			delete(b.waiting, mID)
		}
	}
	for _, m := range list {
		b.queue.claimed(m)
	}
	if b.stopped {
		b.hold.withdraw(func(message) bool { return true })
	}
	b.begin()
}

// ask asks to whom others send, as a turn does first.
func (b *books) ask(t *rapid.T, outcomes []store.Settlement) {
	asked := b.hold.elsewhere.ask(true, b.now)
	for who := range b.left {
		if len(asked) > 0 && !slices.Contains(asked, who) {
			t.Fatalf("%s was refused a message, and nobody asks for whom", who)
		}
	}
	if len(asked) == 0 || rapid.IntRange(0, 9).Draw(t, "asked in vain") == 0 {
		return
	}
	var busy []string
	for _, who := range asked {
		if b.busy[who] {
			busy = append(busy, who)
		} else {
			delete(b.left, who)
		}
	}
	innocent := b.hold.elsewhere.told(asked, busy, b.now, b.now)
	letWait(outcomes, innocent)
	for _, o := range outcomes {
		if innocent[o.ID] && (o.Refund != 1 || o.Delay != 0 || !b.busy[b.claimed[o.ID].OpenID]) {
			t.Fatalf("message %d was refused for what another replica does: %+v", o.ID, o)
		}
	}
}

// others begins or ends what another replica does for somebody.
func (b *books) others(t *rapid.T) {
	who := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "who")
	b.busy[who] = !b.busy[who]
}

// insert puts new messages into the table.
func (b *books) insert(t *rapid.T) {
	for range rapid.IntRange(0, 6).Draw(t, "new") {
		b.lastID++
		b.waiting[b.lastID] = message{Row: store.Row{ID: b.lastID,
			OpenID:     rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "who"),
			TemplateID: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "template")}}
	}
}

// answer is what the database says to what a turn wrote: some of it may be locked.
func (b *books) answer(t *rapid.T, u *turnUnderWay) {
	var stored, left []store.Settlement
	for _, s := range u.outcomes {
		if rapid.IntRange(0, 4).Draw(t, "settled") == 0 {
			left = append(left, s)
		} else {
			stored = append(stored, s)
			if s.Status == string(Waiting) {
				b.waiting[s.ID] = b.claimed[s.ID]
			}
			delete(b.claimed, s.ID)
		}
	}
	for _, s := range left {
		b.loose[b.claimed[s.ID].OpenID] = true
	}
	b.hold.stored(stored)
	b.hold.unsettled.keep(left, rapid.SampledFrom([]string{"", "refused"}).Draw(t, "refused"), b.now)
	var done []int64
	for _, h := range u.back {
		m := b.claimed[h.ID]
		if rapid.IntRange(0, 4).Draw(t, "given back") > 0 {
			done = append(done, h.ID)
			delete(b.claimed, h.ID)
			b.waiting[h.ID] = m
		} else {
			b.loose[m.OpenID] = true
		}
		if m.deadline-b.now < modelTime {
			b.loose[m.OpenID] = true // it may have been too late
		}
	}
	b.hold.storedBack(u.back, done)
}

// begin hands out messages, as the dispatcher does after each event.
func (b *books) begin() {
	for {
		m, ok := b.queue.begin(b.now)
		if !ok {
			return
		}
		switch {
		case b.stopped:
			b.Fatalf("message %d begins after the end", m.ID)
		case b.paused[m.TemplateID]:
			b.Fatalf("message %d begins after the pause of its template", m.ID)
		case b.now < b.rests[m.OpenID]:
			b.Fatalf("message %d begins right after another one was refused for its person", m.ID)
		case b.left[m.OpenID]:
			b.Fatalf("message %d begins although its person is left to others", m.ID)
		case m.deadline-b.now < modelTime/2:
			b.Fatalf("message %d begins %s before its deadline", m.ID, m.deadline-b.now)
		}
		for _, other := range b.begun {
			if other.OpenID == m.OpenID {
				b.Fatalf("messages %d and %d to one person at a time", other.ID, m.ID)
			}
		}
		if b.last[m.OpenID] > m.ID && !b.loose[m.OpenID] {
			b.Fatalf("message %d begins after %d", m.ID, b.last[m.OpenID])
		}
		b.last[m.OpenID] = m.ID
		b.begun[m.ID] = m
	}
}

func (b *books) verdict(t *rapid.T) {
	if len(b.begun) == 0 {
		t.Skip("nothing is under way")
	}
	var ids []int64
	for id := range b.begun {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	m := b.begun[rapid.SampledFrom(ids).Draw(t, "which")]
	delete(b.begun, m.ID)
	outcome := store.Settlement{ID: m.ID, Claim: m.ClaimID, Status: string(Succeeded)}
	if b.busy[m.OpenID] || rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
		outcome.Status, outcome.Delay, b.left[m.OpenID] = string(Waiting), time.Second, true
		b.rests[m.OpenID] = b.now + personRest
		b.hold.refusedForPerson(m, b.now)
	}
	b.hold.returned(m, outcome)
	b.queue.returned(m)
	b.begin()
}

func (b *books) pause(t *rapid.T) {
	template := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "template")
	for who := range b.people() {
		b.loose[who] = true
	}
	if b.paused[template] = !b.paused[template]; b.paused[template] {
		b.hold.withdraw(func(m message) bool { return m.TemplateID == template })
		b.begin()
	}
}

// people are those of whom there is a message.
func (b *books) people() map[string]bool {
	all := make(map[string]bool)
	for _, list := range []map[int64]message{b.waiting, b.claimed} {
		for _, m := range list {
			all[m.OpenID] = true
		}
	}
	return all
}

func (b *books) later(t *rapid.T) {
	due, _ := b.hold.unsettled.due(b.now)
	for _, s := range due {
		if rapid.Bool().Draw(t, "stored") {
			b.hold.stored([]store.Settlement{s})
			delete(b.claimed, s.ID)
		} else {
			b.hold.unsettled.keep([]store.Settlement{s}, "", b.now)
		}
	}
}

func (b *books) pass(t *rapid.T) {
	b.now += time.Duration(rapid.IntRange(1, 60).Draw(t, "ms")) * time.Millisecond
	b.begin()
}

func (b *books) stop(*rapid.T) {
	b.stopped = true
	b.hold.withdraw(func(message) bool { return true })
	b.begin()
}

// check holds after each event.
func (b *books) check(t *rapid.T) {
	places := make(map[int64]string)
	stands := func(id int64, place string) {
		if other, twice := places[id]; twice {
			t.Fatalf("message %d stands in %s and in %s", id, other, place)
		}
		if places[id] = place; b.claimed[id].ID != id {
			t.Fatalf("message %d stands in %s, and is not claimed any more", id, place)
		}
	}
	queued := 0
	for _, m := range b.queue.next {
		stands(m.ID, "next")
	}
	for _, m := range b.queue.ahead.all() {
		stands(m.ID, "ahead")
	}
	for _, list := range b.queue.people {
		queued += len(list)
		for _, m := range list {
			stands(m.ID, "its person's queue")
		}
	}
	for id := range b.hold.sending {
		stands(id, "sending")
	}
	for _, h := range b.hold.back {
		stands(h.ID, "back")
	}
	for _, s := range b.hold.outcomes {
		stands(s.ID, "outcomes")
	}
	for id := range b.hold.unsettled {
		stands(id, "unsettled")
	}
	inHand := len(places)
	if b.under != nil { // what a turn has taken stands there
		for _, s := range b.under.outcomes {
			stands(s.ID, "the turn")
		}
		for _, h := range b.under.back {
			stands(h.ID, "the turn")
		}
	}
	for id := range b.claimed {
		if places[id] == "" {
			t.Fatalf("message %d is claimed, and stands nowhere", id)
		}
	}
	open := 0
	for _, n := range b.hold.claims.open {
		open += n
	}
	if open != len(b.claimed) || queued != b.queue.queued || inHand != b.hold.inHand() {
		t.Fatalf("%d messages of open claims, %d claimed; %d queued, counted %d; %d in hand, counted %d",
			open, len(b.claimed), queued, b.queue.queued, inHand, b.hold.inHand())
	}
	if len(places) > modelSenders+modelAhead {
		t.Fatalf("%d in hand", len(places))
	}
	if b.queue.free != modelSenders-len(b.begun) {
		t.Fatalf("%d senders free, %d are busy", b.queue.free, len(b.begun))
	}
}

// In whatever order things happen, the books are right, and in the end nothing is left.
func TestHoldings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := &books{T: rt, hold: newHoldings(), now: time.Hour, claimed: map[int64]message{},
			begun: map[int64]message{}, waiting: map[int64]message{}, paused: map[string]bool{},
			last: map[string]int64{}, loose: map[string]bool{}, busy: map[string]bool{}, left: map[string]bool{},
			rests: map[string]time.Duration{}}
		b.queue = b.hold.newQueue(modelSenders, true, modelTime/2)
		rt.Repeat(map[string]func(*rapid.T){
			"": b.check, "turn": b.turn, "turn more": b.turn, "verdict": b.verdict, "verdict more": b.verdict,
			"later": b.later, "pass": b.pass, "pause": b.pause, "others": b.others,
		})
		b.stop(rt)
		if b.under != nil {
			b.endTurn(rt)
		}
		for len(b.begun) > 0 {
			for id, m := range b.begun {
				delete(b.begun, id)
				b.hold.returned(m, store.Settlement{ID: id, Claim: m.ClaimID})
				b.queue.returned(m)
			}
			b.begin()
		}
		for tries := 0; b.hold.inHand() > 0 && tries < 100; tries++ {
			outcomes, back := b.hold.take()
			b.hold.elsewhere.told(b.hold.elsewhere.ask(false, b.now), nil, b.now, b.now)
			b.hold.stored(outcomes)
			var done []int64
			for _, h := range back {
				done = append(done, h.ID)
			}
			b.hold.storedBack(back, done)
			b.now += mostRefusedRest
			due, _ := b.hold.unsettled.due(b.now)
			b.hold.stored(due)
		}
		b.now += mostRefusedRest
		b.hold.elsewhere.told(b.hold.elsewhere.ask(true, b.now), nil, b.now, b.now)
		if n := b.hold.inHand() + len(b.hold.claims.open) + len(b.hold.elsewhere.seen); n > 0 {
			rt.Fatalf("%d left in the end", n)
		}
	})
}
