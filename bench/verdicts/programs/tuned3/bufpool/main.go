// Bufpool serves bursts of requests with large buffers from a free list. The list keeps as many buffers as the largest
// burst so far needed, so it grows in steps, until the limit on concurrent requests is met.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var limit = flag.Int("limit", 300, "concurrent requests")

type buffer struct{ data []byte }

type pool struct {
	free []*buffer
	made int
}

//go:noinline
func (p *pool) get() *buffer {
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		return b
	}
	p.made++
	return &buffer{make([]byte, 512*lab.KiB)}
}

func (p *pool) put(b *buffer) { p.free = append(p.free, b) }

func (b *buffer) serve() {
	for i := 0; i < len(b.data); i += 4 * lab.KiB {
		b.data[i]++
	}
}

func main() {
	lab.Start()
	p := &pool{}
	var busy []*buffer
	due := 0.0
	lab.Forever(10, func(now float64) {
		want := 6 + lab.Rand.IntN(10)
		if now >= due {
			due = now + 2 + lab.Rand.ExpFloat64()*6
			want = 30 + int(now*3.4*(0.6+lab.Rand.Float64()*0.5))
		}
		for range min(want, *limit) {
			b := p.get()
			b.serve()
			busy = append(busy, b)
		}
		for i, b := range busy {
			p.put(b)
			busy[i] = nil
		}
		busy = busy[:0]
		lab.Garbage(2 * lab.MiB)
	})
}
