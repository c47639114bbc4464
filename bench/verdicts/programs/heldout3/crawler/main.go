// Command crawler gives every page a context below that of the crawl, which lasts as long as the process. Pages that
// redirect are left without cancelling theirs, so the crawl's context keeps them as children.
package main

import (
	"context"
	"verdicts/internal/lab"
)

type pageKey struct{}

type page struct {
	depth  int
	body   []byte
	links  []uint64
	ctx    context.Context
	cancel context.CancelFunc
}

type crawl struct {
	ctx      context.Context
	frontier []*page
}

//go:noinline
func (c *crawl) visit(depth int) *page {
	p := &page{depth: depth, body: make([]byte, 4*lab.KiB+lab.Rand.IntN(64*lab.KiB))}
	p.links = make([]uint64, 40+lab.Rand.IntN(200))
	p.ctx, p.cancel = context.WithCancel(context.WithValue(c.ctx, pageKey{}, p))
	return p
}

func main() {
	lab.Start()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c := &crawl{ctx: ctx}
	wave := 200
	lab.Forever(50, func(now float64) {
		redirects := lab.Leaks(now, 24)
		if int(now)%19 < 6 {
			wave = 700
		} else {
			wave = 120
		}
		for n := 1 + lab.Rand.IntN(2); len(c.frontier) > 0 && (n > 0 || len(c.frontier) > wave); n-- {
			i := lab.Rand.IntN(len(c.frontier))
			done := c.frontier[i]
			last := len(c.frontier) - 1
			c.frontier[i] = c.frontier[last]
			c.frontier[last] = nil
			c.frontier = c.frontier[:last]
			if !redirects || lab.Rand.IntN(100) < 48 {
				done.cancel()
			}
		}
		for range 1 + lab.Rand.IntN(6) {
			if len(c.frontier) < wave {
				c.frontier = append(c.frontier, c.visit(int(now)))
			}
		}
		lab.Garbage(120 * lab.KiB)
	})
}
