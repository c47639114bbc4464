// Documents opens documents in bouts and closes each; what a closed one held is dropped a good while later, when a
// sweeper comes to it.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	linger = flag.Float64("linger", 30, "ticks from the close to the sweep")
	cycle  = flag.Float64("cycle", 24, "ticks from one bout to the next")
)

type document struct {
	text   []byte
	tree   [][]byte
	closes float64
}

func parse(size int) *document {
	d := &document{text: make([]byte, size)}
	for at := 0; at < size; at += 512 {
		d.tree = append(d.tree, make([]byte, 600+lab.Rand.IntN(400)))
	}
	return d
}

type editor struct{ documents []*document }

func (e *editor) open(now float64) {
	d := parse(20*lab.KiB + lab.Rand.IntN(80*lab.KiB))
	d.closes = now + 2 + 8*lab.Rand.Float64()
	e.documents = append(e.documents, d)
}

func (e *editor) sweep(now float64) {
	kept := e.documents[:0]
	for _, d := range e.documents {
		if now < d.closes+*linger {
			kept = append(kept, d)
		}
	}
	clear(e.documents[len(kept):])
	e.documents = kept
}

func main() {
	lab.Start()
	std := make([]byte, 50*lab.MiB)
	e := &editor{}
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		std[lab.Rand.IntN(len(std))]++
		e.sweep(now)
		if math.Mod(now, *cycle) < 5 {
			for range 1 + lab.Rand.IntN(5) {
				e.open(now)
			}
		}
	})
}
