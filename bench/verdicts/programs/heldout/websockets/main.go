// Program websockets holds connections whose number wanders about a mean: clients come and go. Each has a goroutine
// that reads and one that sends heartbeats. With -leak, from a release on, hanging up ends only the reader; the
// heartbeat goes on for ever.
package main

import (
	"flag"
	"math"
	"time"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "heartbeats survive their connections from tick 35 on")

const (
	perTick = 25
	onset   = 35
	turns   = 1 // connections that are replaced by others in every turn
)

type connection struct {
	frames chan []byte
	gone   chan struct{}
	buffer []byte
	beats  int
}

func (c *connection) read() {
	for frame := range c.frames {
		copy(c.buffer, frame)
	}
}

func (c *connection) heartbeat(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.beats++
		case <-c.gone:
			return
		}
	}
}

func dial() *connection {
	c := &connection{frames: make(chan []byte), gone: make(chan struct{}), buffer: make([]byte, 4<<10)}
	go c.read()
	go c.heartbeat(lab.Ticks(6))
	return c
}

// hangUp ends the connection. Without goodbye its heartbeat is not told.
func (c *connection) hangUp(goodbye bool) {
	close(c.frames)
	if goodbye {
		close(c.gone)
	}
}

func main() {
	lab.Start()
	mean, low, high, spread := 700.0, 400.0, 1000.0, 9.0
	if *leak {
		mean, low, high, spread = 300, 200, 400, 1.5
	}
	want, goodbye := mean, true
	var open []*connection
	drop := func() {
		i := lab.Rand.IntN(len(open))
		open[i].hangUp(goodbye)
		open[i] = open[len(open)-1]
		open = open[:len(open)-1]
	}
	lab.Forever(perTick, func(now float64) {
		if *leak && goodbye && now >= onset {
			goodbye = false
			lab.Onset()
		}
		want += (mean-want)*0.1/perTick + lab.Rand.NormFloat64()*spread
		want = math.Max(low, math.Min(high, want))
		for i := 0; i < turns && len(open) > 0; i++ {
			drop()
		}
		for n := 0; len(open) < int(want) && n < 12; n++ {
			open = append(open, dial())
		}
		for len(open) > int(want) {
			drop()
		}
		for range 10 {
			open[lab.Rand.IntN(len(open))].frames <- make([]byte, 128<<10)
		}
	})
}
