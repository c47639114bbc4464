// Program warmup starts with a cold cache of articles. Readers ask for a limited set of them, so that the misses, and
// with them the growth, get fewer and fewer. With -bounded, the cache is small and full after a dozen ticks.
package main

import (
	"container/list"
	"flag"

	"verdicts/internal/lab"
)

var bounded = flag.Bool("bounded", false, "a least-recently-used cache that is full within a dozen ticks")

const perTick = 40

type article struct {
	id   int
	text []byte
}

type lru struct {
	limit int
	byID  map[int]*list.Element
	order *list.List
}

func (c *lru) get(id int) []byte {
	if e := c.byID[id]; e != nil {
		c.order.MoveToFront(e)
		return e.Value.(*article).text
	}
	a := &article{id, make([]byte, 24<<10+lab.Rand.IntN(16<<10))}
	c.byID[id] = c.order.PushFront(a)
	if c.order.Len() > c.limit {
		oldest := c.order.Remove(c.order.Back()).(*article)
		delete(c.byID, oldest.id)
	}
	return a.text
}

var page []byte

func main() {
	lab.Start()
	c := &lru{limit: 6000, byID: map[int]*list.Element{}, order: list.New()}
	articles, reads := 5000, 8 // 320 a tick: the growth halves about every 11 ticks
	if *bounded {
		c.limit, articles, reads = 4500, 1<<40, 10 // 400 a tick: full after 11 ticks
	}
	lab.Forever(perTick, func(float64) {
		for range reads {
			page = append([]byte(nil), c.get(lab.Rand.IntN(articles))...)
			page = make([]byte, 96<<10)
		}
	})
}
