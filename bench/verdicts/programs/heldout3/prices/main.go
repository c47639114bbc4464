// Command prices serves a catalogue that is rebuilt beside the one in use and then swapped in. Every catalogue
// listens to the currency feed; the leaking one never unsubscribes the catalogue that was replaced.
package main

import (
	"flag"
	"verdicts/internal/lab"
)

type item struct {
	sku   int
	price float64
	notes [10]int64
}

type catalogue struct {
	pages [][]byte
	bySKU map[int]*item
}

type feed struct {
	listeners map[int]func(rate float64)
	next      int
}

func (f *feed) subscribe(hear func(float64)) int {
	f.next++
	f.listeners[f.next] = hear
	return f.next
}

//go:noinline
func (c *catalogue) loadPages(bytes int) {
	for bytes > 0 {
		size := 64*lab.KiB + lab.Rand.IntN(192*lab.KiB)
		c.pages = append(c.pages, make([]byte, size))
		bytes -= size
	}
}

//go:noinline
func (c *catalogue) index(n int) {
	for range n {
		it := &item{sku: lab.Rand.Int(), price: 1}
		c.bySKU[it.sku] = it
	}
}

func (c *catalogue) reprice(rate float64) {
	n := 0
	for _, it := range c.bySKU {
		it.price *= rate
		if n++; n > 200 {
			break
		}
	}
}

func main() {
	leak := flag.Bool("leak", false, "do not unsubscribe")
	size := flag.Int("mib", 9, "of a catalogue, about")
	every := flag.Int("every", 6, "ticks between reloads")
	lab.Start()
	f := &feed{listeners: map[int]func(float64){}}
	var current, building *catalogue
	var subscription, serial int
	share, built := 1.0, 0
	const steps = 30
	lab.Forever(10, func(now float64) {
		forget := !*leak || !lab.Leaks(now, 27)
		if int(now)/(*every) >= serial && building == nil {
			building = &catalogue{bySKU: map[int]*item{}}
			built = 0
			share = max(0.7, min(1.35, share+0.5*(lab.Rand.Float64()-0.5)))
		}
		if building != nil {
			building.loadPages(int(share * float64(*size) * lab.MiB / steps * 0.8))
			building.index(int(share * float64(*size) * lab.MiB / steps * 0.2 / 140))
			if built++; built == steps {
				if current != nil && forget {
					delete(f.listeners, subscription)
				}
				current, building = building, nil
				subscription = f.subscribe(current.reprice)
				serial++
			}
		}
		for _, hear := range f.listeners {
			hear(1.0001)
		}
		lab.Garbage(600 * lab.KiB)
	})
}
