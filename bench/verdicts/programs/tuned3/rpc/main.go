// Rpc is a service that calls a backend with a timeout. Healthy, calls pile up while the backend is slow and end later.
// With -leak the reply goes to an unbuffered channel, and a call that outlives its timeout waits there for ever.
package main

import (
	"flag"
	"time"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "send replies to an unbuffered channel")
	onset = flag.Float64("onset", 18, "tick at which part of the backend becomes slow")
	rate  = flag.Int("rate", 140, "calls a tick")
)

type reply struct{ body []byte }

type client struct{ buffer int }

//go:noinline
func (c *client) roundTrip(latency time.Duration, out chan<- reply) {
	time.Sleep(latency)
	out <- reply{make([]byte, 2*lab.KiB)}
}

func (c *client) call(latency, timeout time.Duration) bool {
	out := make(chan reply, c.buffer)
	go c.roundTrip(latency, out)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case r := <-out:
		return len(r.body) > 0
	case <-timer.C:
		return false
	}
}

func main() {
	lab.Start()
	c := &client{}
	if !*leak {
		c.buffer = 1
	}
	lab.Forever(*rate, func(now float64) {
		latency := 0.1 + lab.Rand.ExpFloat64()*0.25
		switch {
		case *leak:
			latency = min(latency, 1.5)
			if lab.Leaks(now, *onset) && lab.Rand.IntN(100) < 17 {
				latency = 3 + lab.Rand.Float64()
			}
		case now > 24 && now < 47:
			latency = 2 + (now-24)*0.6*lab.Rand.Float64() + lab.Rand.ExpFloat64()
		case now > 78 && now < 92:
			latency = 6 + lab.Rand.ExpFloat64()*3
		}
		timeout := lab.Ticks(2)
		if !*leak {
			timeout = lab.Ticks(12)
		}
		go c.call(lab.Ticks(latency), timeout)
		lab.Garbage(24 * lab.KiB)
	})
}
