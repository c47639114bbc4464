// Hub keeps a writer goroutine and a buffer per connected client; clients come and go.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

type conn struct {
	out    chan int
	buffer []byte
}

func (c *conn) writePump() {
	for n := range c.out {
		c.buffer[n%len(c.buffer)]++
	}
}

type hub struct{ slots []*conn }

func (h *hub) connect(slot int, lose bool) {
	if old := h.slots[slot]; old != nil && !lose {
		close(old.out)
	}
	c := &conn{out: make(chan int, 4), buffer: make([]byte, 4*lab.KiB)}
	h.slots[slot] = c
	go c.writePump()
}

func main() {
	leak := flag.Bool("leak", false, "forget to close the old connection when a client reconnects")
	slots := flag.Int("slots", 300, "clients there are")
	perTick := flag.Int("rate", 80, "connections per tick")
	lab.Start()
	h := &hub{slots: make([]*conn, *slots)}
	lab.Forever(*perTick, func(now float64) {
		slot := lab.Rand.IntN(len(h.slots))
		lose := *leak && h.slots[slot] != nil && lab.Rand.IntN(10) < 4 && lab.Leaks(now, 26)
		h.connect(slot, lose)
		lab.Garbage(400 * lab.KiB)
	})
}
