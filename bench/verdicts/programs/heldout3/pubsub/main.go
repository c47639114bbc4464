// Command pubsub has a writer goroutine for each connected client, and clients come and go with the hours. The leaking
// one drops some clients that time out without closing their channel, and the writer waits on it.
package main

import (
	"flag"
	"math"
	"verdicts/internal/lab"
)

type client struct {
	out   chan []byte
	bytes int
}

//go:noinline
func (c *client) write() {
	buffer := make([]byte, 0, 512)
	for event := range c.out {
		buffer = append(buffer[:0], event...)
		c.bytes += len(buffer)
	}
}

type hub struct {
	clients []*client
}

func (h *hub) connect() {
	c := &client{out: make(chan []byte, 4)}
	h.clients = append(h.clients, c)
	go c.write()
}

func (h *hub) drop(i int, closing bool) {
	c := h.clients[i]
	last := len(h.clients) - 1
	h.clients[i] = h.clients[last]
	h.clients[last] = nil
	h.clients = h.clients[:last]
	if closing {
		close(c.out)
	}
}

func main() {
	leak := flag.Bool("leak", false, "do not close")
	low := flag.Float64("low", 120, "clients at night")
	high := flag.Float64("high", 700, "clients by day")
	day := flag.Float64("day", 74, "ticks")
	lab.Start()
	h := &hub{}
	lab.Forever(50, func(now float64) {
		forget := *leak && lab.Leaks(now, 40)
		want := *low + (*high-*low)*(0.5-0.5*math.Cos(2*math.Pi*now / *day))
		for float64(len(h.clients)) < want-1 {
			h.connect()
		}
		for float64(len(h.clients)) > want+1 {
			h.drop(lab.Rand.IntN(len(h.clients)), true)
		}
		if lab.Rand.IntN(3) == 0 && len(h.clients) > 0 {
			h.drop(lab.Rand.IntN(len(h.clients)), !forget || lab.Rand.IntN(4) > 0)
			h.connect()
		}
		event := make([]byte, 400)
		for range 20 {
			if len(h.clients) > 0 {
				select {
				case h.clients[lab.Rand.IntN(len(h.clients))].out <- event:
				default:
				}
			}
		}
		lab.Garbage(80 * lab.KiB)
	})
}
