// Pages renders pages that listen to a bus while they are shown. With -leak closing a page leaves its handler on the
// bus, and the closure holds the page.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "never unregister")
	onset = flag.Float64("onset", 15, "tick from which it does not")
)

type bus struct {
	handlers map[int]func(event string)
	next     int
}

func (b *bus) on(handler func(event string)) int {
	b.next++
	b.handlers[b.next] = handler
	return b.next
}

func (b *bus) off(id int) { delete(b.handlers, id) }

type page struct {
	nodes   [][]byte
	updates int
	id      int
}

func open(b *bus, nodes int) *page {
	p := &page{}
	for range nodes {
		p.nodes = append(p.nodes, make([]byte, 500+lab.Rand.IntN(3000)))
	}
	p.id = b.on(func(string) { p.updates++ })
	return p
}

func main() {
	lab.Start()
	b := &bus{handlers: map[int]func(string){}}
	var shown []*page
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		shown = append(shown, open(b, 50+lab.Rand.IntN(100)))
		if len(shown) > 150 {
			if !*leak || !lab.Leaks(now, *onset) {
				b.off(shown[0].id)
			}
			shown = shown[1:]
		}
	})
}
