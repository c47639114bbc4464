// Jobs runs each job in a goroutine, some 300 to 900 at a time as the load swings. With -leak a job whose caller has
// gone waits for it forever.
package main

import (
	"flag"
	"math"
	"time"

	"verdicts/internal/lab"
)

var (
	leak   = flag.Bool("leak", false, "wait for callers that have gone")
	onset  = flag.Float64("onset", 25, "tick from which callers go")
	period = flag.Float64("period", 40, "ticks of one swing")
)

func work(takes time.Duration, caller chan<- int) {
	state := make([]byte, 8*lab.KiB)
	time.Sleep(takes)
	caller <- len(state)
}

func listen(caller <-chan int) { <-caller }

func main() {
	lab.Start()
	cache := make([]byte, 30*lab.MiB)
	var due float64
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		cache[lab.Rand.IntN(len(cache))]++
		// A job takes four ticks, so the rate times four is at work.
		for due += (600 + 300*math.Sin(2*math.Pi*now / *period)) / 4 / 20; due >= 1; due-- {
			caller := make(chan int)
			go work(lab.Ticks(4*lab.Rand.Float64()*2), caller)
			if *leak && lab.Leaks(now, *onset) && lab.Rand.IntN(7) == 0 {
				continue
			}
			go listen(caller)
		}
	})
}
