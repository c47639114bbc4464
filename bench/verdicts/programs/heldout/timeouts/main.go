// Program timeouts asks a backend and gives up on slow answers. Slow phases come and go, and the goroutine of a
// request that was given up lives until the backend has answered. With -leak, the answer goes to a channel without
// room that nobody reads any more, and from the first slow phase on no such goroutine ever ends.
package main

import (
	"flag"
	"time"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "answers go to a channel without room, and the backend gets slow for good at tick 30")

const (
	perTick  = 60
	patience = 0.5 // ticks
	slowness = 8   // ticks that the slowest answer takes
)

var row []byte

func query(answers chan<- []byte, takes time.Duration) {
	time.Sleep(takes)
	answers <- make([]byte, 8<<10)
}

func ask(room int, takes float64) {
	answers := make(chan []byte, room)
	go query(answers, lab.Ticks(takes))
	go func() {
		select {
		case <-answers:
		case <-time.After(lab.Ticks(patience)):
		}
	}()
}

func main() {
	lab.Start()
	room, slow := 1, false
	if *leak {
		room = 0
	}
	turn := 0
	lab.Forever(perTick, func(now float64) {
		turn++
		row = make([]byte, 512<<10)
		for range 4 {
			ask(room, 0.01)
		}
		switch {
		case *leak && now >= 30:
			if !slow {
				slow = true
				lab.Onset()
			}
			if turn%3 == 0 { // 20 a tick
				ask(room, 1+lab.Rand.Float64()*2)
			}
		case !*leak && now >= 8 && int(now-8)%22 < 4: // 4 ticks of 360 slow requests each
			for range 6 {
				ask(room, 1+lab.Rand.Float64()*(slowness-1))
			}
		}
	})
}
