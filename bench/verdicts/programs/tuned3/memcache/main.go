// Memcache runs with the collector off but for a memory limit, fills its cache, and after a collection that found more
// than its budget alive drops the older part.
package main

import (
	"flag"
	"runtime"
	"sync/atomic"

	"verdicts/internal/lab"
)

var (
	budget = flag.Int("budget", 210, "MiB that may be alive")
	rate   = flag.Int("rate", 3, "MiB of new entries a tick")
)

type entry struct {
	key   uint64
	value []byte
}

type cache struct {
	entries map[uint64]*entry
	order   []*entry
}

//go:noinline
func (c *cache) fill(key uint64) {
	e := &entry{key, make([]byte, 4*lab.KiB+int(key%(56*lab.KiB)))}
	e.value[0] = 1
	c.entries[key] = e
	c.order = append(c.order, e)
}

func (c *cache) shed(part float64) {
	n := int(float64(len(c.order)) * part)
	for _, e := range c.order[:n] {
		delete(c.entries, e.key)
	}
	c.order = append([]*entry(nil), c.order[n:]...)
}

type sentinel struct{ _ [64]byte }

var collected atomic.Bool

func watch(s *sentinel) {
	collected.Store(true)
	runtime.SetFinalizer(s, watch)
}

func main() {
	lab.Start()
	runtime.SetFinalizer(new(sentinel), watch)
	c := &cache{entries: map[uint64]*entry{}}
	lab.Forever(*rate*32, func(now float64) {
		c.fill(lab.Rand.Uint64())
		if collected.CompareAndSwap(true, false) {
			size := 0
			for _, e := range c.order {
				size += len(e.value)
			}
			if size > *budget*lab.MiB {
				c.shed(0.3)
			}
		}
		lab.Garbage(200 * lab.KiB)
	})
}
