// Cooling is a cache after a crowd: it holds much at the start and gives back a part of what is left every tick; smaller
// crowds come now and then.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	start  = flag.Int("start", 300, "MiB at the start")
	part   = flag.Float64("part", 0.04, "part of the entries that leave in a tick")
	crowds = flag.Float64("crowds", 35, "ticks between two crowds")
)

type cache struct{ entries map[int][]byte }

func (c *cache) add(id int) { c.entries[id] = make([]byte, 8*lab.KiB+lab.Rand.IntN(48*lab.KiB)) }

func main() {
	lab.Start()
	c := &cache{entries: map[int][]byte{}}
	id := 0
	for ; id < *start*32; id++ {
		c.add(id)
	}
	next := *crowds
	lab.Forever(10, func(now float64) {
		lab.Garbage(6 * lab.MiB)
		for old := range c.entries {
			if lab.Rand.Float64() < *part/10 {
				delete(c.entries, old)
			}
		}
		n := 6
		if now > next {
			n = 160
		}
		if now > next+2 {
			next += *crowds
		}
		for range n {
			id++
			c.add(id)
		}
	})
}
