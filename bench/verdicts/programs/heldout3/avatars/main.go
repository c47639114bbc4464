// Command avatars keeps pictures in an LRU cache of a fixed number of bytes, with a second index by etag. The leaking
// one forgets the etag of a picture that it evicts for want of room.
package main

import (
	"container/list"
	"flag"
	"math"
	"verdicts/internal/lab"
)

type picture struct {
	user   int
	etag   uint64
	pixels []byte
}

type cache struct {
	capacity, size int
	order          *list.List
	byUser         map[int]*list.Element
	byEtag         map[uint64]*picture
}

//go:noinline
func render(user int) *picture {
	source := make([]byte, 60*lab.KiB)
	p := &picture{user: user, etag: lab.Rand.Uint64()}
	p.pixels = make([]byte, 6*lab.KiB+lab.Rand.IntN(50*lab.KiB))
	copy(p.pixels, source)
	return p
}

func (c *cache) get(user int, tidy bool) *picture {
	if e, hit := c.byUser[user]; hit {
		c.order.MoveToFront(e)
		return e.Value.(*picture)
	}
	p := render(user)
	c.size += len(p.pixels)
	c.byUser[user] = c.order.PushFront(p)
	c.byEtag[p.etag] = p
	for c.size > c.capacity {
		e := c.order.Back()
		old := c.order.Remove(e).(*picture)
		c.size -= len(old.pixels)
		delete(c.byUser, old.user)
		if tidy {
			delete(c.byEtag, old.etag)
		}
	}
	return p
}

func main() {
	leak := flag.Bool("leak", false, "forget the etags")
	capacity := flag.Int("mib", 24, "of the cache")
	perTick := flag.Int("requests", 200, "a tick")
	lab.Start()
	c := &cache{capacity: *capacity * lab.MiB, order: list.New(), byUser: map[int]*list.Element{}, byEtag: map[uint64]*picture{}}
	lab.Forever(*perTick, func(now float64) {
		tidy := !*leak || !lab.Leaks(now, 20)
		c.get(int(math.Exp(lab.Rand.Float64()*11)), tidy)
		lab.Garbage(30 * lab.KiB)
	})
}
