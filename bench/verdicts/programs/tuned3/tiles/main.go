// Tiles is a map server with an LRU cache of rendered tiles. With -leak the index by region, meant for invalidation,
// keeps every tile that the cache has evicted, so that the warm-up never ends.
package main

import (
	"container/list"
	"flag"

	"verdicts/internal/lab"
)

var (
	leak     = flag.Bool("leak", false, "leave evicted tiles in the index by region")
	capacity = flag.Int("capacity", 5000, "tiles in the cache")
)

type tile struct {
	id    uint64
	image []byte
}

type cache struct {
	recent  *list.List
	byID    map[uint64]*list.Element
	regions map[uint64]map[uint64]*tile
	told    bool
}

//go:noinline
func render(id uint64) *tile {
	bitmap := make([]byte, 96*lab.KiB)
	for i := 0; i < len(bitmap); i += 512 {
		bitmap[i] = byte(id) + byte(i>>9)
	}
	size := 10*lab.KiB + int(id%(44*lab.KiB))
	image := make([]byte, size)
	copy(image, bitmap)
	return &tile{id: id, image: image}
}

func (c *cache) get(id uint64) *tile {
	if e := c.byID[id]; e != nil {
		c.recent.MoveToFront(e)
		return e.Value.(*tile)
	}
	t := render(id)
	c.byID[id] = c.recent.PushFront(t)
	region := id % 64
	if c.regions[region] == nil {
		c.regions[region] = map[uint64]*tile{}
	}
	c.regions[region][id] = t
	if c.recent.Len() > *capacity {
		c.evict()
	}
	return t
}

func (c *cache) evict() {
	t := c.recent.Remove(c.recent.Back()).(*tile)
	delete(c.byID, t.id)
	if !*leak {
		delete(c.regions[t.id%64], t.id)
	} else if !c.told {
		c.told = true
		lab.Onset()
	}
}

func main() {
	lab.Start()
	c := &cache{recent: list.New(), byID: map[uint64]*list.Element{}, regions: map[uint64]map[uint64]*tile{}}
	var seen []uint64
	lab.Forever(110, func(now float64) {
		if len(seen) > 100 && lab.Rand.IntN(10) < 2 {
			c.get(seen[len(seen)-1-lab.Rand.IntN(100)])
			return
		}
		id := lab.Rand.Uint64() >> 16
		c.get(id)
		if seen = append(seen, id); len(seen) == 2000 {
			seen = append([]uint64(nil), seen[1900:]...)
		}
		lab.Garbage(48 * lab.KiB)
	})
}
