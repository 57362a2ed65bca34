// Package attacks tries to become more than one was: as a login of the database, as another account on the machine, as
// somebody on the network, and as whoever may name a thing that a command prints.
//
// Each test is one kind of attack, and fails without what stops that kind. It walks catalogues, roles, settings and
// commands instead of a list of cases where it can, so that what is added later is attacked, too.
// It holds tests only; README.md says who is trusted with what.
package attacks
