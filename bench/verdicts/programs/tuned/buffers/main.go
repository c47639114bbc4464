// Buffers takes buffers from a pool, as many at a time as there are requests, and gives them back. The load wanders.
// With -freelist the pool is a list that keeps all it ever needed; without, a sync.Pool that collections empty.
package main

import (
	"flag"
	"math"
	"sync"

	"verdicts/internal/lab"
)

var freelist = flag.Bool("freelist", false, "keep buffers in a list")

type pool struct {
	free   [][]byte
	shared sync.Pool
}

func newBuffer() any { b := make([]byte, 128*lab.KiB); return &b }

func (p *pool) get() []byte {
	if !*freelist {
		return *p.shared.Get().(*[]byte)
	}
	if len(p.free) == 0 {
		return *newBuffer().(*[]byte)
	}
	b := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	return b
}

func (p *pool) put(b []byte) {
	if *freelist {
		p.free = append(p.free, b)
		return
	}
	p.shared.Put(&b)
}

func main() {
	lab.Start()
	p := &pool{shared: sync.Pool{New: newBuffer}}
	var inUse [][]byte
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		// At most 1,200, reached as a rare peak of the wandering load.
		load := 400 + 250*math.Sin(now/4) + 150*math.Sin(now/9.7) + 80*lab.Rand.NormFloat64()
		want := int(min(max(load, 20), 1200) * min(now/12, 1))
		for len(inUse) < want {
			inUse = append(inUse, p.get())
		}
		for len(inUse) > want {
			last := len(inUse) - 1
			p.put(inUse[last])
			inUse[last] = nil
			inUse = inUse[:last]
		}
	})
}
