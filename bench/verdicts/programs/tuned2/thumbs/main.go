// Thumbs renders thumbnails and caches them, least recently used out first, so that it holds its capacity and no more
// once it is full. With -leak a release gives albums an index of their own, from which eviction does not remove.
package main

import (
	"container/list"
	"flag"

	"verdicts/internal/lab"
)

var (
	capacity = flag.Int("capacity", 200, "MiB")
	misses   = flag.Float64("misses", 7, "MiB rendered in a tick")
	leak     = flag.Bool("leak", false, "albums stay")
)

const released = 30.0

type thumb struct {
	id     uint64
	pixels []byte
}

type cache struct {
	recent *list.List
	byID   map[uint64]*list.Element
	albums map[uint64][]*thumb
	held   int
}

//go:noinline
func render(id uint64) *thumb {
	full := make([]byte, (32+lab.Rand.IntN(32))*lab.KiB)
	t := &thumb{id: id, pixels: make([]byte, (8+lab.Rand.IntN(17))*lab.KiB)}
	copy(t.pixels, full)
	return t
}

func (c *cache) put(t *thumb) {
	c.byID[t.id] = c.recent.PushFront(t)
	c.held += len(t.pixels)
	for c.held > *capacity*lab.MiB {
		last := c.recent.Remove(c.recent.Back()).(*thumb)
		delete(c.byID, last.id)
		c.held -= len(last.pixels)
	}
}

func main() {
	lab.Start()
	c := &cache{recent: list.New(), byID: map[uint64]*list.Element{}, albums: map[uint64][]*thumb{}}
	rendered := 0.0
	lab.Forever(20, func(now float64) {
		for rendered < now*(*misses)*lab.MiB {
			t := render(lab.Rand.Uint64())
			c.put(t)
			rendered += float64(len(t.pixels))
			if *leak && lab.Leaks(now, released) && lab.Rand.IntN(5) < 2 {
				album := lab.Rand.Uint64N(3000)
				c.albums[album] = append(c.albums[album], t)
			}
		}
		for range 10 {
			if e := c.recent.Back(); e != nil && lab.Rand.IntN(3) == 0 {
				c.recent.MoveToFront(e)
			}
			lab.Garbage(40 * lab.KiB)
		}
	})
}
