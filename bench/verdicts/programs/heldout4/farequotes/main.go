// Farequotes asks several carriers for the price of a journey and waits a tick at most for their answers. Agencies
// also keep streams of price changes open; they connect one after the other until all are there. From -slow on some
// carriers have slow spells and answer too late. With -leak the channel for the answers has no room, so that a carrier
// that comes too late waits for a reader that has gone.
package main

import (
	"flag"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	leak     = flag.Bool("leak", false, "leave no room for late answers")
	slow     = flag.Float64("slow", 45, "tick from which carriers have slow spells")
	agencies = flag.Int("agencies", 120, "streams that are open in the end")
	arrive   = flag.Float64("arrive", 10, "ticks until all agencies are there")
	asked    = flag.Float64("asked", 8, "journeys asked for in a tick")
)

const (
	steps    = 20
	carriers = 5
)

type desk struct {
	answered atomic.Int64
	changes  atomic.Int64
	streams  []chan int
}

//go:noinline
func quote(answers chan<- int, takes time.Duration) {
	time.Sleep(takes)
	answers <- int(takes)
}

//go:noinline
func (d *desk) ask(takes [carriers]time.Duration) {
	room := carriers
	if *leak {
		room = 0
	}
	answers := make(chan int, room)
	for _, t := range takes {
		go quote(answers, t)
	}
	late := time.After(lab.Ticks(1))
	for range takes {
		select {
		case <-answers:
			d.answered.Add(1)
		case <-late:
			return
		}
	}
}

//go:noinline
func (d *desk) stream(changes chan int) {
	for range changes {
		d.changes.Add(1)
	}
}

func (d *desk) open() {
	changes := make(chan int, 2)
	d.streams = append(d.streams, changes)
	go d.stream(changes)
}

func main() {
	lab.Start()
	d := &desk{}
	owed, spell, calm := 0.0, 0.0, *slow
	lab.Forever(steps, func(now float64) {
		lab.Garbage(4 * lab.MiB / steps)
		if want := int(float64(*agencies) * min(1, now / *arrive)); len(d.streams) < want {
			d.open()
		} else if len(d.streams) > 0 && lab.Rand.IntN(4) == 0 {
			// An agency connects anew.
			i := lab.Rand.IntN(len(d.streams))
			close(d.streams[i])
			d.streams[i] = d.streams[len(d.streams)-1]
			d.streams = d.streams[:len(d.streams)-1]
		}
		if now >= calm {
			spell = now + 1 + 4*lab.Rand.Float64()
			calm = spell + 2 + 9*lab.Rand.Float64()
		}
		for owed += *asked / steps; owed >= 1; owed-- {
			var takes [carriers]time.Duration
			for i := range takes {
				takes[i] = lab.Ticks(0.05 + 0.25*lab.Rand.Float64())
				if now < spell && lab.Rand.IntN(2) == 0 {
					takes[i] = lab.Ticks(1.5 + 2*lab.Rand.Float64())
					if *leak {
						lab.Leaks(now, 0)
					}
				}
			}
			go d.ask(takes)
		}
	})
}
