// Command scanner reads blocks of a file system with a cache that may use half of the memory limit, under which the
// collector, otherwise off, starts only when it must. A scan touches new blocks all the time; the clock hand makes room.
package main

import (
	"flag"
	"runtime/debug"
	"verdicts/internal/lab"
)

type block struct {
	number int
	data   []byte
	used   bool
}

type cache struct {
	limit, bytes, hand int
	ring               []*block
	byNumber           map[int]*block
}

//go:noinline
func read(number int) *block {
	raw := make([]byte, 128*lab.KiB)
	b := &block{number: number, data: make([]byte, 32*lab.KiB+lab.Rand.IntN(96*lab.KiB))}
	copy(b.data, raw)
	return b
}

func (c *cache) get(number int) *block {
	if b := c.byNumber[number]; b != nil {
		b.used = true
		return b
	}
	b := read(number)
	c.bytes += len(b.data)
	c.byNumber[number] = b
	for c.bytes > c.limit {
		c.hand = (c.hand + 1) % len(c.ring)
		old := c.ring[c.hand]
		if old.used {
			old.used = false
			continue
		}
		c.bytes -= len(old.data)
		delete(c.byNumber, old.number)
		last := len(c.ring) - 1
		c.ring[c.hand] = c.ring[last]
		c.ring[last] = nil
		c.ring = c.ring[:last]
	}
	c.ring = append(c.ring, b)
	return b
}

func main() {
	fresh := flag.Int("fresh", 28, "new blocks a tick")
	lab.Start()
	limit := int(min(debug.SetMemoryLimit(-1), 400*lab.MiB))
	c := &cache{limit: limit / 2, byNumber: map[int]*block{}}
	position := 0
	lab.Forever(*fresh, func(now float64) {
		position++
		c.get(position)
		for range 4 {
			c.get(max(0, position-lab.Rand.IntN(3000)*lab.Rand.IntN(2)))
		}
		lab.Garbage(150 * lab.KiB)
	})
}
