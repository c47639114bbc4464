// Ring keeps the last requests for debugging, in a ring that is full after some ten ticks.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	slots = flag.Int("slots", 8000, "requests kept")
	each  = flag.Int("each", 40, "KiB of the biggest")
)

type ring struct {
	slots [][]byte
	at    int
}

func (r *ring) record(request []byte) {
	r.slots[r.at] = request
	r.at = (r.at + 1) % len(r.slots)
}

func read(size int) []byte { return make([]byte, size) }

func main() {
	lab.Start()
	r := &ring{slots: make([][]byte, *slots)}
	lab.Forever(20, func(float64) {
		lab.Garbage(2 * lab.MiB)
		for range 30 + lab.Rand.IntN(20) {
			r.record(read(1 + lab.Rand.IntN(*each*lab.KiB)))
		}
	})
}
