// Program reindex builds a new search index beside the one in use, swaps them, and lets the old one go. The documents
// are nearly the same every time.
package main

import (
	"sync/atomic"

	"verdicts/internal/lab"
)

const (
	perTick  = 40
	every    = 26 // ticks
	building = 9
)

type index struct{ postings [][]byte }

func (x *index) add(size int) { x.postings = append(x.postings, make([]byte, size)) }

var hits []byte

func main() {
	lab.Start()
	var current atomic.Pointer[index]
	var next *index
	current.Store(&index{})
	lab.Forever(perTick, func(now float64) {
		hits = make([]byte, 1<<20)
		building := now-every*float64(int(now/every)) < building
		switch {
		case building && next == nil:
			next = &index{}
		case building:
			for range 8 {
				next.add(24<<10 + lab.Rand.IntN(16<<10))
			}
		case next != nil:
			current.Store(next)
			next = nil
		}
	})
}
