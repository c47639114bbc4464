// Retention keeps the traces of the last twelve ticks in memory for whoever asks, under a load that goes up and down.
package main

import (
	"math"

	"verdicts/internal/lab"
)

type trace struct {
	ends  float64
	spans []byte
}

type ring struct{ traces []trace }

func (r *ring) add(now float64) {
	r.traces = append(r.traces, trace{now + 12, make([]byte, 8*lab.KiB+lab.Rand.IntN(8*lab.KiB))})
}

func (r *ring) expire(now float64) {
	for len(r.traces) > 0 && r.traces[0].ends < now {
		r.traces[0].spans = nil
		r.traces = r.traces[1:]
	}
}

func main() {
	lab.Start()
	r := &ring{}
	lab.Forever(1000, func(now float64) {
		if lab.Rand.Float64() < 0.7+0.25*math.Sin(now/4) {
			r.add(now)
		}
		r.expire(now)
		lab.Garbage(30 * lab.KiB)
	})
}
