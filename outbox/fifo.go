package outbox

// fifo is a queue of messages in order. It uses its memory again, because hundreds of messages go through it in each
// turn.
type fifo struct {
	list []message
	head int
}

func (f *fifo) len() int { return len(f.list) - f.head }

func (f *fifo) all() []message { return f.list[f.head:] }

func (f *fifo) push(m message) {
	if f.head > 0 && len(f.list) == cap(f.list) { // move to the front instead of growing
		n := copy(f.list, f.list[f.head:])
		clear(f.list[n:])
		f.list, f.head = f.list[:n], 0
	}
	f.list = append(f.list, m)
}

func (f *fifo) pop() message {
	m := f.list[f.head]
	f.list[f.head] = message{}
	if f.head++; f.head == len(f.list) {
		f.list, f.head = f.list[:0], 0
	}
	return m
}

func (f *fifo) replace(list []message) { f.list, f.head = list, 0 }
