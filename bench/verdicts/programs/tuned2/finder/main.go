// Finder answers searches from the old engine until its own index is built, which happens once, in the background of
// the requests, segment by segment. The finished index is never added to.
package main

import "verdicts/internal/lab"

const (
	from  = 26.0
	ticks = 12.0
	mib   = 135.0
)

type segment struct {
	terms    []uint64
	postings []byte
}

type index struct{ segments []*segment }

//go:noinline
func (x *index) build(size int) {
	s := &segment{terms: make([]uint64, size/64), postings: make([]byte, size-size/8)}
	for i := range s.terms {
		s.terms[i] = lab.Rand.Uint64()
	}
	x.segments = append(x.segments, s)
}

//go:noinline
func (x *index) search() []uint64 {
	hits := make([]uint64, 0, 64)
	for _, s := range x.segments[max(0, len(x.segments)-20):] {
		hits = append(hits, s.terms[lab.Rand.IntN(len(s.terms))])
	}
	page := make([]uint64, 2048)
	copy(page, hits)
	return page
}

func main() {
	lab.Start()
	x := &index{}
	built := 0.0
	lab.Forever(25, func(now float64) {
		for built < mib*lab.MiB*min(1, max(0, (now-from)/ticks)) {
			size := (96 + lab.Rand.IntN(160)) * lab.KiB
			x.build(size)
			built += float64(size)
		}
		for range 12 + lab.Rand.IntN(12) {
			x.search()
			lab.Garbage(40 * lab.KiB)
		}
	})
}
