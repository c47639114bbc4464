// Tiles is a cache that holds 120 MiB and evicts the oldest tile. With -leak its limit is set to none after a long
// plateau, as a reload of the configuration may do.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "lose the limit")
	onset = flag.Float64("onset", 70, "tick at which it is lost")
)

type cache struct {
	tiles map[int][]byte
	order []int
	bytes int
	limit int
}

func (c *cache) put(id, size int) {
	c.tiles[id] = make([]byte, size)
	c.order = append(c.order, id)
	c.bytes += size
	for c.limit > 0 && c.bytes > c.limit {
		old := c.order[0]
		c.order = c.order[1:]
		c.bytes -= len(c.tiles[old])
		delete(c.tiles, old)
	}
}

func main() {
	lab.Start()
	c := &cache{tiles: map[int][]byte{}, limit: 120 * lab.MiB}
	id := 0
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		if *leak && lab.Leaks(now, *onset) {
			c.limit = 0
		}
		n := 10
		if now < 8 {
			n = 40 // the tiles everybody asks for first
		}
		for range n {
			id++
			c.put(id, 8*lab.KiB+lab.Rand.IntN(32*lab.KiB))
		}
	})
}
