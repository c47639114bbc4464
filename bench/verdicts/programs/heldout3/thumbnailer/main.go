// Command thumbnailer scales the pictures of albums: a goroutine for each picture, and one that collects the album when
// all are done. A worker that meets a broken picture returns without Done in the leaking one, and its collector waits
// for ever. In the healthy one, uploads come in heaps that queue for the few slots.
package main

import (
	"flag"
	"sync"
	"time"
	"verdicts/internal/lab"
)

type album struct {
	pending sync.WaitGroup
	mu      sync.Mutex
	thumbs  [][]byte
}

var slots chan struct{}

//go:noinline
func (a *album) scale(broken bool, cost time.Duration) {
	slots <- struct{}{}
	defer func() { <-slots }()
	time.Sleep(cost)
	if broken {
		return
	}
	a.mu.Lock()
	a.thumbs = append(a.thumbs, make([]byte, 900))
	a.mu.Unlock()
	a.pending.Done()
}

//go:noinline
func (a *album) collect() {
	a.pending.Wait()
	a.thumbs = nil
}

func upload(pictures int, broken bool, cost time.Duration) {
	a := &album{}
	a.pending.Add(pictures)
	for i := range pictures {
		go a.scale(broken && i == 0, cost)
	}
	go a.collect()
}

func main() {
	leak := flag.Bool("leak", false, "broken pictures come")
	heaps := flag.Bool("heaps", false, "uploads come in heaps")
	wide := flag.Int("slots", 60, "pictures scaled at once")
	lab.Start()
	slots = make(chan struct{}, *wide)
	lab.Forever(20, func(now float64) {
		broken := *leak && lab.Leaks(now, 26)
		albums := 1
		if *heaps {
			// The heaps of the day: a long one, a short steep one.
			switch {
			case now > 15 && now < 58:
				albums = 2
			case now > 88 && now < 96:
				albums = 5
			}
			if albums == 1 && lab.Rand.IntN(2) == 0 {
				albums = 0
			}
		}
		for range albums {
			upload(2+lab.Rand.IntN(5), broken && lab.Rand.IntN(100) < 60, lab.Ticks(0.2+0.8*lab.Rand.Float64()))
		}
		lab.Garbage(300 * lab.KiB)
	})
}
