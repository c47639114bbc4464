// Program nightly has two long rhythms to choose from. As it is, it collects the statistics of its customers, half a
// MiB a tick, and writes them out every 70 ticks. With -tide, the customers that are at work come and go with the
// hours of the day, 46 ticks long; it starts at noon.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var tide = flag.Bool("tide", false, "customers come and go with the hours")

const (
	perTick = 32
	night   = 70 // ticks
	day     = 46
)

func customer(size int) []byte { return make([]byte, size) }

var answer []byte

func main() {
	lab.Start()
	var state [][]byte
	var statistics [][]byte
	nights := 0
	for range 600 {
		state = append(state, customer(64<<10))
	}
	lab.Forever(perTick, func(now float64) {
		answer = make([]byte, 1<<20)
		if *tide { // between 40 and 140 MiB
			want := int(16 * (90 + 50*math.Cos(2*math.Pi*now/day) + 2*lab.Rand.NormFloat64()))
			for n := 0; len(state) < want && n < 40; n++ {
				state = append(state, customer(64<<10))
			}
			for len(state) > want {
				state[len(state)-1] = nil
				state = state[:len(state)-1]
			}
			return
		}
		statistics = append(statistics, customer(8<<10+lab.Rand.IntN(16<<10)))
		if n := int(now / night); n > nights {
			nights = n
			statistics = nil
		}
	})
}
