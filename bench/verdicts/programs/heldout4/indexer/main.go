// Indexer builds a search index of segments until the corpus is in, and from then on rewrites one segment after the
// other as documents change. Searches read a snapshot: the segments of one generation, which lives as long as somebody
// uses it. From -verify on each rewrite is compared with what was there before. With -leak nobody gives the snapshot of
// that comparison back. With -restart the process starts afresh at that tick and builds its index again.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	leak    = flag.Bool("leak", false, "do not give back the snapshot of a comparison")
	verify  = flag.Float64("verify", 50, "tick from which rewrites are compared")
	size    = flag.Int("size", 36, "MiB of the whole index")
	build   = flag.Float64("build", 12, "ticks that building takes")
	every   = flag.Float64("every", 1.5, "ticks from one rewrite to the next, roughly")
	restart = flag.Float64("restart", 0, "tick of a restart, or 0")
)

const (
	steps       = 20
	segmentSize = 3.6 * lab.MiB
)

type segment struct {
	postings [][]byte
}

type snapshot struct {
	segments []*segment
	users    int
}

type index struct {
	segments   []*segment
	generation int
	snapshots  map[int]*snapshot // that are in use
}

//go:noinline
func newSegment() *segment {
	s := &segment{}
	for left := segmentSize * (0.8 + 0.4*lab.Rand.Float64()); left > 0; {
		list := make([]byte, 4*lab.KiB+lab.Rand.IntN(40*lab.KiB))
		list[0] = 1
		s.postings = append(s.postings, list)
		left -= float64(len(list))
	}
	return s
}

func (x *index) acquire() (generation int, s *snapshot) {
	s = x.snapshots[x.generation]
	if s == nil {
		s = &snapshot{segments: append([]*segment(nil), x.segments...)}
		x.snapshots[x.generation] = s
	}
	s.users++
	return x.generation, s
}

func (x *index) release(generation int) {
	s := x.snapshots[generation]
	if s.users--; s.users == 0 {
		delete(x.snapshots, generation)
	}
}

//go:noinline
func (x *index) rewrite(now float64) {
	i := lab.Rand.IntN(len(x.segments))
	if now < *verify {
		x.segments[i] = newSegment()
		x.generation++
		return
	}
	generation, before := x.acquire()
	x.segments[i] = newSegment()
	x.generation++
	same := len(before.segments[i].postings) == len(x.segments[i].postings)
	if *leak && !same {
		return // worth a line in the log, and forgotten
	}
	x.release(generation)
}

func (x *index) search() int {
	generation, s := x.acquire()
	defer x.release(generation)
	hits := 0
	for _, seg := range s.segments {
		hits += int(seg.postings[0][0])
	}
	return hits
}

func main() {
	lab.Start()
	x := &index{snapshots: map[int]*snapshot{}}
	whole := int(float64(*size) * lab.MiB / segmentSize)
	next := *build + 5
	lab.Forever(steps, func(now float64) {
		if *restart > 0 && now >= *restart {
			lab.Restart("-restart", "0")
		}
		lab.Garbage(3 * lab.MiB / steps)
		if want := int(float64(whole) * min(1, now / *build)); len(x.segments) < want {
			x.segments = append(x.segments, newSegment())
			x.generation++
		}
		for range 5 {
			x.search()
		}
		if now >= next {
			next = now + *every*(0.5+lab.Rand.Float64())
			if *leak && now >= *verify {
				lab.Leaks(now, 0)
			}
			x.rewrite(now)
		}
	})
}
