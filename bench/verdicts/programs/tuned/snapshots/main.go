// Snapshots builds an index every ten ticks, 35 to 45 MiB each. With -leak the history keeps all of them; without, the
// last three.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "keep every index")
	every = flag.Float64("every", 10, "ticks between two")
)

type index struct {
	postings [][]byte
	terms    map[uint32]int
}

func build(size int) *index {
	i := &index{terms: map[uint32]int{}}
	for size > 0 {
		posting := make([]byte, 2*lab.KiB+lab.Rand.IntN(60*lab.KiB))
		i.postings = append(i.postings, posting)
		i.terms[lab.Rand.Uint32()] = len(i.postings)
		size -= len(posting)
	}
	return i
}

func main() {
	lab.Start()
	var history []*index
	next := 2.0
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		if now < next {
			return
		}
		// Three are there soon after the start, as from a disk.
		next += 2
		if len(history) >= 2 {
			next = now + *every
		}
		if *leak && len(history) == 3 {
			lab.Leaks(now, 0)
		}
		history = append(history, build(35*lab.MiB+lab.Rand.IntN(10*lab.MiB)))
		if !*leak && len(history) > 3 {
			history = append([]*index(nil), history[len(history)-3:]...)
		}
	})
}
