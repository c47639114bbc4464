// Rpc is a client whose calls run in goroutines of their own and whose callers give up after a while.
package main

import (
	"flag"
	"time"

	"verdicts/internal/lab"
)

type client struct{}

func (c *client) call(buffered bool, takes, patience time.Duration) {
	size := 0
	if buffered {
		size = 1
	}
	answer := make(chan []byte, size)
	go func() {
		time.Sleep(takes)
		answer <- make([]byte, 4096)
	}()
	go func() {
		timeout := time.NewTimer(patience)
		defer timeout.Stop()
		select {
		case <-answer:
		case <-timeout.C:
		}
	}()
}

func main() {
	leak := flag.Bool("leak", false, "answer on an unbuffered channel that nobody may be reading")
	lab.Start()
	c := &client{}
	ballast := make([]byte, 30*lab.MiB)
	lab.Forever(100, func(now float64) {
		takes, patience := lab.Ticks(0.1+lab.Rand.Float64()*0.5), lab.Ticks(2)
		switch {
		case *leak && now >= 22 && lab.Rand.IntN(4) == 0:
			lab.Leaks(now, 22)
			c.call(false, lab.Ticks(3), patience)
		case !*leak && now >= 40 && now < 64:
			// The other side is slow: calls pile up for as long as they take and end by themselves.
			c.call(true, lab.Ticks(10+lab.Rand.Float64()*4), lab.Ticks(11))
		default:
			c.call(true, takes, patience)
		}
		lab.Garbage(350 * lab.KiB)
		ballast[0]++
	})
}
