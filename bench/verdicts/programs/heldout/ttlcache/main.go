// Program ttlcache keeps answers for 14 ticks. The rate of new answers is noisy, and doubles for good at tick 60. With
// -leak the rate stays the same, but some answers are pinned when they are stored; the sweeper walks over them, and
// what was to unpin them is never called.
package main

import (
	"container/list"
	"flag"
	"math"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "from tick 30 on some answers stay pinned")

const (
	perTick = 40
	ttl     = 14
	onset   = 30
	grows   = 60
)

type answer struct {
	key     uint64
	expires float64
	pinned  bool
	body    []byte
}

type cache struct {
	byKey map[uint64]*list.Element
	queue *list.List
}

func (c *cache) put(key uint64, expires float64, pinned bool) {
	a := &answer{key: key, expires: expires, pinned: pinned, body: make([]byte, 16<<10+lab.Rand.IntN(32<<10))}
	c.byKey[key] = c.queue.PushBack(a)
}

func (c *cache) sweep(now float64) {
	for e := c.queue.Front(); e != nil; {
		a := e.Value.(*answer)
		if a.expires > now {
			return
		}
		next := e.Next()
		c.queue.Remove(e)
		if !a.pinned {
			delete(c.byKey, a.key)
		}
		e = next
	}
}

var scratch []byte

func main() {
	lab.Start()
	c := &cache{byKey: map[uint64]*list.Element{}, queue: list.New()}
	due, noise, leaking, stored := 0.0, 0.0, false, 0
	lab.Forever(perTick, func(now float64) {
		if *leak && !leaking && now >= onset {
			leaking = true
			lab.Onset()
		}
		noise = 0.995*noise + 0.02*lab.Rand.NormFloat64()
		rate := 130.0
		if !*leak && now >= grows {
			rate *= 2
		}
		for due += rate * math.Max(0.4, math.Min(1.6, 1+noise)) / perTick; due >= 1; due-- {
			stored++
			c.put(lab.Rand.Uint64(), now+ttl, leaking && stored%4 == 0)
			scratch = make([]byte, 256<<10)
		}
		c.sweep(now)
	})
}
