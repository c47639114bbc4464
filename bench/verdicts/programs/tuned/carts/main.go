// Carts is a shop that has customers in some ticks and none in others. Without -leak a cart is dropped fifteen ticks
// after its last change; with it a cart stays.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "keep abandoned carts")
	onset = flag.Float64("onset", 15, "tick at which the shop opens")
	busy  = flag.Float64("busy", 22, "ticks of customers")
	idle  = flag.Float64("idle", 14, "ticks without")
)

type cart struct {
	items   []string
	session []byte
	changed float64
}

type shop struct {
	carts map[int]*cart
	next  int
	old   int
}

func (s *shop) visit(now float64) {
	s.next++
	s.carts[s.next] = &cart{
		items:   make([]string, lab.Rand.IntN(20)),
		session: make([]byte, 4*lab.KiB+lab.Rand.IntN(24*lab.KiB)),
		changed: now,
	}
}

func (s *shop) expire(now float64) {
	for s.old < s.next && s.carts[s.old+1].changed < now-15 {
		s.old++
		delete(s.carts, s.old)
	}
}

func main() {
	lab.Start()
	s := &shop{carts: map[int]*cart{}}
	catalogue := make([]byte, 50*lab.MiB)
	lab.Forever(40, func(now float64) {
		catalogue[lab.Rand.IntN(len(catalogue))]++
		lab.Garbage(lab.MiB / 4)
		if !*leak {
			s.expire(now)
		}
		if now < *onset || math.Mod(now-*onset, *busy+*idle) > *busy {
			return
		}
		if *leak {
			lab.Leaks(now, *onset)
		}
		lab.Garbage(lab.MiB)
		for range 8 {
			s.visit(now)
		}
	})
}
