// Command shipments asks carriers over one RPC connection, with a table of calls that await their answer. A call that
// times out must be struck from the table; the leaking client returns the error to the caller and leaves the entry.
// The healthy one lives through a carrier that answers very late for a while.
package main

import (
	"flag"
	"verdicts/internal/lab"
)

type call struct {
	id      int
	request []byte
	labels  map[string]string
	due     float64
	lost    bool
}

type client struct {
	pending map[int]*call
	sent    []*call
	serial  int
}

//go:noinline
func (c *client) call(now, latency float64, lost bool) {
	c.serial++
	one := &call{id: c.serial, due: now + latency, lost: lost}
	encoded := make([]byte, 2*lab.KiB+lab.Rand.IntN(24*lab.KiB))
	one.request = make([]byte, len(encoded)+12)
	copy(one.request[12:], encoded)
	one.labels = map[string]string{"carrier": "north", "trace": string(encoded[:40])}
	c.pending[one.id] = one
	c.sent = append(c.sent, one)
}

func (c *client) receive(now float64) {
	keep := c.sent[:0]
	for _, one := range c.sent {
		switch {
		case one.due > now:
			keep = append(keep, one)
		case !one.lost:
			delete(c.pending, one.id)
		}
	}
	clear(c.sent[len(keep):])
	c.sent = keep
}

func main() {
	leak := flag.Bool("leak", false, "leave timed-out calls in the table")
	late := flag.Float64("late", 0, "ticks of latency in the bad hour")
	lab.Start()
	c := &client{pending: map[int]*call{}}
	lab.Forever(100, func(now float64) {
		latency := 0.5 + 3*lab.Rand.ExpFloat64()
		lost := false
		if *leak && lab.Leaks(now, 31) {
			lost = lab.Rand.Float64() < 0.75
		}
		if now > 21 && now < 72 && *late > 0 {
			latency = min(*late, now-20) * (0.8 + 0.4*lab.Rand.Float64())
		}
		for range 1 + lab.Rand.IntN(2) {
			c.call(now, latency, lost)
		}
		c.receive(now)
		lab.Garbage(60 * lab.KiB)
	})
}
