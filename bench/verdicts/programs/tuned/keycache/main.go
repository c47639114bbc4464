// Keycache is asked for random keys and keeps what it has read: it fills fast at first and ever slower, until it knows
// every key. With -capacity it is an LRU that evicts the key used longest ago.
package main

import (
	"container/list"
	"flag"

	"verdicts/internal/lab"
)

var (
	keys     = flag.Int("keys", 8000, "keys there are")
	perTick  = flag.Int("requests", 600, "a tick")
	capacity = flag.Int("capacity", 0, "keys the cache holds; 0: all")
	hot      = flag.Float64("hot", 1, "how unevenly keys are asked for; 1: evenly")
)

type item struct {
	key   int
	value []byte
}

type cache struct {
	items map[int]*list.Element
	used  *list.List
}

func (c *cache) get(key int) []byte {
	if e, ok := c.items[key]; ok {
		c.used.MoveToFront(e)
		return e.Value.(*item).value
	}
	value := make([]byte, 8*lab.KiB+key%31*lab.KiB)
	c.items[key] = c.used.PushFront(&item{key, value})
	if *capacity > 0 && c.used.Len() > *capacity {
		delete(c.items, c.used.Remove(c.used.Back()).(*item).key)
	}
	return value
}

func main() {
	lab.Start()
	c := &cache{items: map[int]*list.Element{}, used: list.New()}
	lab.Forever(20, func(float64) {
		lab.Garbage(2 * lab.MiB)
		for range *perTick / 20 {
			x := lab.Rand.Float64()
			for n := 1.0; n < *hot; n++ {
				x *= lab.Rand.Float64()
			}
			c.get(int(x * float64(*keys)))
		}
	})
}
