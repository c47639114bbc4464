// Memlimit runs with GOGC=off and a memory limit: the heap rises to the limit between collections, of which there are
// few, though what lives stays the same. With -leak rendered pieces stay referenced.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	live  = flag.Int("live", 150, "MiB that live")
	churn = flag.Int("churn", 60, "MiB of garbage a tick")
	leak  = flag.Bool("leak", false, "keep the pieces")
	onset = flag.Float64("onset", 20, "tick from which they are kept")
)

type renderer struct {
	templates [][]byte
	pieces    [][]byte
}

func (r *renderer) render() int {
	template := r.templates[lab.Rand.IntN(len(r.templates))]
	piece := make([]byte, 5*lab.KiB+lab.Rand.IntN(14*lab.KiB))
	copy(piece, template)
	r.pieces = append(r.pieces, piece)
	return len(piece)
}

func (r *renderer) replace() {
	n := lab.Rand.IntN(len(r.templates))
	r.templates[n] = make([]byte, 32*lab.KiB)
}

func main() {
	lab.Start()
	r := &renderer{}
	for range *live * 32 {
		r.templates = append(r.templates, make([]byte, 32*lab.KiB))
	}
	lab.Forever(20, func(now float64) {
		lab.Garbage(*churn * lab.MiB / 20)
		for range 15 {
			r.render()
			r.replace()
		}
		if !*leak || !lab.Leaks(now, *onset) {
			r.pieces = r.pieces[:0:0]
		}
	})
}
