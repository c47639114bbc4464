// Searchindex loads a big index within a few ticks and serves from it. With -leak each query leaves its plan behind: a
// small leak in a big heap.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "keep the plans")
	onset = flag.Float64("onset", 30, "tick from which plans are kept")
	size  = flag.Int("size", 340, "MiB of the index")
	load  = flag.Float64("load", 6, "ticks of loading")
)

type segment struct {
	docs []byte
	ids  []uint32
}

type engine struct {
	segments []*segment
	plans    map[string][]byte
	queries  int
}

func (e *engine) loadSegment() {
	s := &segment{docs: make([]byte, 192*lab.KiB), ids: make([]uint32, 16*lab.KiB)}
	for n := range s.ids {
		s.ids[n] = uint32(n)
		s.docs[n*12] = byte(n)
	}
	e.segments = append(e.segments, s)
}

func (e *engine) plan() []byte {
	e.queries++
	text := fmt.Sprintf("select * from docs where id > %d", e.queries)
	plan := make([]byte, 10*lab.KiB+lab.Rand.IntN(13*lab.KiB))
	copy(plan, text)
	e.plans[text] = plan
	return plan
}

func main() {
	lab.Start()
	e := &engine{plans: map[string][]byte{}}
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		for len(e.segments) < *size*4 && float64(len(e.segments)) < now / *load * float64(*size*4) {
			e.loadSegment()
		}
		for range 10 {
			e.plan()
		}
		if !*leak || !lab.Leaks(now, *onset) {
			clear(e.plans)
		}
	})
}
