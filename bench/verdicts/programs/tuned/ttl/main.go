// Ttl keeps each answer for 12 ticks; a sweep every few ticks drops those that are older.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	ttl   = flag.Float64("ttl", 12, "ticks an answer is kept")
	sweep = flag.Float64("sweep", 5, "ticks between sweeps")
	warm  = flag.Float64("warm", 4, "ticks after which the load is full; before, it is twice that")
)

type answer struct {
	body []byte
	born float64
}

type cache struct{ answers map[int]answer }

func (c *cache) store(id int, now float64) {
	c.answers[id] = answer{make([]byte, 4*lab.KiB+lab.Rand.IntN(30*lab.KiB)), now}
}

func (c *cache) sweep(now float64) {
	for id, a := range c.answers {
		if now-a.born > *ttl {
			delete(c.answers, id)
		}
	}
}

func main() {
	lab.Start()
	c := &cache{answers: map[int]answer{}}
	id, swept := 0, 0.0
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		n := 16 + lab.Rand.IntN(9)
		if now < *warm {
			n *= 2
		}
		for range n {
			id++
			c.store(id, now)
		}
		if now > swept+*sweep {
			swept = now
			c.sweep(now)
		}
	})
}
