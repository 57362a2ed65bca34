package store

import "github.com/jackc/pgx/v5/pgtype"

// parameterList reads the text[] of parameterArr whatever is in it: an administrator may have dropped the table's
// rules. It can be used again for the next row.
type parameterList struct {
	elements []pgtype.Text
	dims     int
	null     bool
}

// texts returns the elements in a slice of its own. broken tells that the list is nested, is a NULL or holds one: no
// template can mean that.
func (l *parameterList) texts() (all []string, broken bool) {
	if l.null || l.dims > 1 {
		return nil, true
	}
	all = make([]string, len(l.elements))
	for i, e := range l.elements {
		if !e.Valid {
			return nil, true
		}
		all[i] = e.String
	}
	return all, false
}

// SetDimensions, ScanIndex and ScanIndexType are pgtype.ArraySetter.

func (l *parameterList) SetDimensions(dims []pgtype.ArrayDimension) error {
	n := 0
	if len(dims) > 0 {
		n = 1
	}
	for _, d := range dims {
		n *= int(d.Length)
	}
	l.dims, l.null = len(dims), dims == nil
	if n > cap(l.elements) {
		l.elements = make([]pgtype.Text, n)
	}
	l.elements = l.elements[:n]
	return nil
}

func (l *parameterList) ScanIndex(i int) any { return &l.elements[i] }

func (l *parameterList) ScanIndexType() any { return new(pgtype.Text) }
