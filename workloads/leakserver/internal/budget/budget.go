// Package budget bounds what a leaking shape may hold on to, so that a demo
// fills its own memory limit at most and never the node.
package budget

import "sync/atomic"

// Budget counts down what may still be leaked. Its zero value allows nothing,
// which is how a fixed server is made.
type Budget struct {
	bytes atomic.Int64
	items atomic.Int64
}

// New returns a budget of that many bytes and items (entries or goroutines).
func New(bytes, items int64) *Budget {
	b := &Budget{}
	b.bytes.Store(bytes)
	b.items.Store(items)
	return b
}

// Take reserves one item of n bytes and reports whether it may be leaked. Once
// it has said no for want of room it may still say yes to a smaller item.
func (b *Budget) Take(n int) bool {
	if b.items.Add(-1) < 0 {
		b.items.Add(1)
		return false
	}
	if b.bytes.Add(-int64(n)) < 0 {
		b.bytes.Add(int64(n))
		b.items.Add(1)
		return false
	}
	return true
}
