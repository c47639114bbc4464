// Command carts is a shop whose carts send reminders: a timer that arms itself anew until the cart is closed. Since the
// leaking release, carts of guests are dropped from the shop without being closed, and their timers go on.
package main

import (
	"sync/atomic"
	"time"
	"verdicts/internal/lab"
)

type line struct {
	sku   int
	image []byte
}

type cart struct {
	id     int
	guest  bool
	lines  []line
	closed atomic.Bool
	timer  atomic.Pointer[time.Timer]
	sent   atomic.Int64
	leaves float64
}

func (c *cart) remind() {
	if c.closed.Load() {
		return
	}
	c.sent.Add(1)
	c.timer.Store(time.AfterFunc(lab.Ticks(9), c.remind))
}

func (c *cart) close() {
	c.closed.Store(true)
	if t := c.timer.Load(); t != nil {
		t.Stop()
	}
}

//go:noinline
func open(id int, now float64) *cart {
	c := &cart{id: id, guest: lab.Rand.IntN(100) < 40, leaves: now + 2 + 9*lab.Rand.ExpFloat64()}
	for range 2 + lab.Rand.IntN(5) {
		c.lines = append(c.lines, line{lab.Rand.Int(), make([]byte, 2*lab.KiB+lab.Rand.IntN(8*lab.KiB))})
	}
	c.timer.Store(time.AfterFunc(lab.Ticks(9), c.remind))
	return c
}

func main() {
	lab.Start()
	carts := map[int]*cart{}
	serial := 0
	lab.Forever(30, func(now float64) {
		forget := lab.Leaks(now, 33)
		for range 2 {
			serial++
			carts[serial] = open(serial, now)
		}
		for id, c := range carts {
			if c.leaves > now {
				continue
			}
			if !c.guest || !forget {
				c.close()
			}
			delete(carts, id)
		}
		lab.Garbage(500 * lab.KiB)
	})
}
