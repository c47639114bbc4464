// Feed has a subscriber for everyone at work, with a buffer and a goroutine that follows the events. They come through
// the morning and go through the afternoon. With -leak days are short, and a release closes the channel of only some
// of those who go.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "some who go stay")

const (
	released = 60.0
	stay     = 0.6 // of those who go
)

type subscriber struct {
	events chan int
	buffer []byte
}

//go:noinline
func (s *subscriber) follow() {
	for e := range s.events {
		s.buffer[e%len(s.buffer)]++
	}
}

//go:noinline
func subscribe(size int) *subscriber {
	s := &subscriber{events: make(chan int, 8), buffer: make([]byte, size)}
	go s.follow()
	return s
}

func level(now float64) float64 {
	if *leak {
		return 160 - 110*math.Cos(2*math.Pi*now/88)
	}
	switch {
	case now < 6:
		return 25
	case now < 51:
		return 25 + 775*(now-6)/45
	case now < 74:
		return 800 + 20*math.Sin(now/3)
	case now < 118:
		return 800 - 760*(now-74)/44
	}
	return 40
}

func main() {
	lab.Start()
	size := 96 * lab.KiB
	if *leak {
		size = 2 * lab.KiB
	}
	var at []*subscriber
	turnover, leaking := 0.0, false
	lab.Forever(20, func(now float64) {
		leave := func() {
			i := lab.Rand.IntN(len(at))
			s := at[i]
			at[i] = at[len(at)-1]
			at[len(at)-1] = nil
			at = at[:len(at)-1]
			if leaking && lab.Rand.Float64() < stay {
				return
			}
			close(s.events)
		}
		leaking = *leak && lab.Leaks(now, released)
		for turnover += 0.03 * float64(len(at)) / 20; turnover >= 1; turnover-- {
			leave()
		}
		want := int(level(now))
		for len(at) < want {
			at = append(at, subscribe(size))
		}
		for len(at) > want {
			leave()
		}
		for range 10 {
			select {
			case at[lab.Rand.IntN(len(at))].events <- lab.Rand.IntN(100):
			default:
			}
		}
		lab.Garbage(lab.MiB)
	})
}
