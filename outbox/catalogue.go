package outbox

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// Replicas may know different templates, because their template files are changed one after the other, or because one
// misses its folder. So what this process can't send is left to a living replica that can: each publishes its
// Config.Catalogue. A templateId that nobody knows is refused after Config.TemplateWait, because whoever will know it
// may only be starting. The Sender refuses such messages: where it does so too early, because another replica's files
// were not known yet, the message waits again.

// catalogues knows which of the waiting messages are none of ours. It has no clock and no database.
type catalogues struct {
	own  func() map[string]int // Config.Catalogue
	wait time.Duration         // Config.TemplateWait

	unknown map[string]time.Duration // templates that wait and that no living replica knows: since when
	givenUp map[string]bool          // of these, those whose time was over when they last waited: they may be refused
	leave   []string                 // templates, and shapes of messages, that are left to others, or to time
	misfits map[int64]claimedShape   // by id: refused messages of which it is to be asked whom they fit
}

// claimedShape is what of a message has to fit a template.
type claimedShape struct {
	templateID string
	params     int
}

func newCatalogues(cfg Config) *catalogues {
	return &catalogues{own: cfg.Catalogue, wait: cfg.TemplateWait,
		unknown: make(map[string]time.Duration), givenUp: make(map[string]bool), misfits: make(map[int64]claimedShape)}
}

// looked takes in what a look found, and takes out of it what is none of ours.
func (c *catalogues) looked(v *store.View, now time.Duration) {
	if c.own == nil {
		return
	}
	own, known := c.own(), templatesOf(v.Known)
	was := c.unknown
	c.unknown, c.leave = make(map[string]time.Duration), nil
	if len(c.givenUp) > mostGivenUp {
		clear(c.givenUp)
	}
	for _, t := range v.Waiting {
		delete(c.givenUp, t)
		if _, ours := own[t]; ours {
			continue
		}
		since, waits := was[t]
		if !waits {
			since = now
		}
		switch {
		case known[t]:
			c.leave = append(c.leave, t)
		case now-since < c.wait:
			c.unknown[t], c.leave = since, append(c.leave, t)
		default:
			c.unknown[t], c.givenUp[t] = since, true
		}
	}
	c.leaveShapes(own, v.Known)
	left := make(map[string]bool, len(c.leave))
	for _, t := range c.leave {
		left[t] = true
	}
	v.Due = slices.DeleteFunc(v.Due, func(t string) bool { return left[t] })
}

// leaveShapes leaves messages to others of templates that have another number of parameters there than here.
func (c *catalogues) leaveShapes(own map[string]int, known []string) {
	for _, shape := range known {
		t, _, _ := strings.Cut(shape, " ")
		if n, ours := own[t]; ours && store.Shape(t, n) != shape {
			c.leave = append(c.leave, shape)
		}
	}
}

// templatesOf are the templates that shapes are of.
func templatesOf(shapes []string) map[string]bool {
	all := make(map[string]bool, len(shapes))
	for _, shape := range shapes {
		t, _, _ := strings.Cut(shape, " ")
		all[t] = true
	}
	return all
}

// refused notes a message that the Sender has refused because of this process's files.
func (c *catalogues) refused(m message) {
	if c.own != nil {
		c.misfits[m.ID] = claimedShape{m.TemplateID, len(m.Params)}
	}
}

// ask tells of which templates to ask who knows them, before outcomes are written.
func (c *catalogues) ask() (templates []string) {
	for _, s := range c.misfits {
		templates = append(templates, s.templateID)
	}
	return templates
}

// told takes in the shapes that living replicas know of these templates. Of outcomes, it returns those that stand, and
// the messages that are left to others.
func (c *catalogues) told(
	outcomes []store.Settlement, known []string,
) (stand []store.Settlement, back []store.Held) {
	own, templates := c.own(), templatesOf(known)
	c.leaveShapes(own, known)
	left := func(m claimedShape) bool {
		if _, ours := own[m.templateID]; ours {
			return slices.Contains(known, store.Shape(m.templateID, m.params))
		}
		left := templates[m.templateID] || !c.givenUp[m.templateID] // it was ours when it was claimed
		if left {
			c.leave = append(c.leave, m.templateID)
		}
		return left
	}
	for _, o := range outcomes {
		if m, misfit := c.misfits[o.ID]; misfit && left(m) {
			back = append(back, store.Held{ID: o.ID, Claim: o.Claim})
		} else {
			stand = append(stand, o)
		}
		delete(c.misfits, o.ID)
	}
	return stand, back
}

// leaveToOthers asks whether refused messages fit the files of another replica. These are given back, as if nobody had
// claimed them.
func (s *settler) leaveToOthers(
	ctx context.Context, outcomes []store.Settlement,
) (stand []store.Settlement, back []store.Held, err error) {
	asked := s.catalogues.ask()
	if len(asked) == 0 {
		return outcomes, nil, nil
	}
	var known []string
	err = s.during(ctx, func(ctx context.Context) (err error) { known, err = s.store.Known(ctx, asked); return err })
	if err != nil {
		return outcomes, nil, err
	}
	stand, back = s.catalogues.told(outcomes, known)
	return stand, back, nil
}
