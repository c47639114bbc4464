// Chat has a reader and a writer goroutine per connection, and connections come and go with the hours. With -leak the
// reader of a connection that is reset returns without closing the queue of its writer.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	leak   = flag.Bool("leak", false, "do not close the queue on a reset")
	onset  = flag.Float64("onset", 20, "tick from which connections are reset")
	period = flag.Float64("period", 44, "ticks of a day")
	mean   = flag.Float64("mean", 90, "mean new connections a tick")
)

type connection struct {
	until float64
	reset bool
	gone  chan struct{}
	queue chan []byte
	sent  int
}

//go:noinline
func (c *connection) read() {
	<-c.gone
	if c.reset {
		return
	}
	close(c.queue)
}

//go:noinline
func (c *connection) write() {
	for message := range c.queue {
		c.sent += len(message)
	}
}

func main() {
	lab.Start()
	var open []*connection
	owed := 0.0
	lab.Forever(25, func(now float64) {
		resets := *leak && lab.Leaks(now, *onset)
		owed += *mean / 25 * (1 - 0.8*math.Cos(2*math.Pi*now / *period))
		for ; owed >= 1; owed-- {
			c := &connection{until: now + 1 + lab.Rand.ExpFloat64()*8, gone: make(chan struct{}), queue: make(chan []byte, 4)}
			go c.read()
			go c.write()
			open = append(open, c)
		}
		kept := open[:0]
		for _, c := range open {
			if c.until > now {
				kept = append(kept, c)
				continue
			}
			c.reset = resets && lab.Rand.IntN(100) < 11
			close(c.gone)
		}
		clear(open[len(kept):])
		open = kept
		said := make([]byte, 300)
		for range min(40, len(open)) {
			select {
			case open[lab.Rand.IntN(len(open))].queue <- said:
			default:
			}
		}
		lab.Garbage(200 * lab.KiB)
	})
}
