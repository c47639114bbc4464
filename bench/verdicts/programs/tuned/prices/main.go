// Prices keeps the orders of a market whose level wanders: every tick 0.85 of the distance from 200 MiB remains and a
// shock is added (an AR(1) process of standard deviation -sd). With -leak settled trades are kept as well: slow.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "keep settled trades")
	onset = flag.Float64("onset", 40, "tick from which they are kept")
	sd    = flag.Float64("sd", 24, "standard deviation, MiB")
	level = flag.Float64("level", 200, "mean, MiB")
)

type order struct{ book []byte }

type market struct {
	orders  []*order
	bytes   int
	settled [][]byte
}

func (m *market) fit(target int) {
	for m.bytes < target {
		o := &order{book: make([]byte, 16*lab.KiB+lab.Rand.IntN(96*lab.KiB))}
		m.orders = append(m.orders, o)
		m.bytes += len(o.book)
	}
	for m.bytes > target && len(m.orders) > 0 {
		// Any of them goes: the last takes its place.
		n, last := lab.Rand.IntN(len(m.orders)), len(m.orders)-1
		m.bytes -= len(m.orders[n].book)
		m.orders[n], m.orders[last] = m.orders[last], nil
		m.orders = m.orders[:last]
	}
}

func (m *market) settle() { m.settled = append(m.settled, make([]byte, 3000+lab.Rand.IntN(4200))) }

func main() {
	lab.Start()
	m := &market{}
	x := lab.Rand.NormFloat64() * *sd
	lab.Forever(1, func(now float64) {
		x = 0.85*x + lab.Rand.NormFloat64()**sd*math.Sqrt(1-0.85*0.85)
		m.fit(int(max(*level+x, 10) * lab.MiB))
		lab.Garbage(60 * lab.MiB)
		if *leak && lab.Leaks(now, *onset) {
			for range 200 {
				m.settle()
			}
		}
	})
}
