// Postman delivers webhooks, each in a goroutine that sleeps between its attempts. When a receiver is down the attempts
// pile up, until it is back or they have been too many. With -leak a receiver has moved for good, and a release has
// taken the limit off the attempts.
package main

import (
	"flag"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "attempts without a limit")

const (
	downFrom, downTo = 28.0, 52.0
	moved            = 36.0
)

var down, unlimited atomic.Bool

type hook struct {
	receiver int
	body     []byte
}

//go:noinline
func (h *hook) attempt() bool {
	time.Sleep(lab.Ticks(0.2))
	answer := make([]byte, len(h.body)+lab.KiB)
	copy(answer, h.body)
	return h.receiver > 0 || !down.Load()
}

//go:noinline
func (h *hook) deliver() {
	pause := 2.0
	for n := 0; n < 6 || unlimited.Load(); n++ {
		if h.attempt() {
			return
		}
		time.Sleep(lab.Ticks(pause))
		pause = min(12, pause*1.8)
	}
}

func main() {
	lab.Start()
	ill, well := 24.0, 60.0
	if *leak {
		ill = 12.5
	}
	first, others := 0.0, 0.0
	lab.Forever(20, func(now float64) {
		if *leak {
			if lab.Leaks(now, moved) {
				down.Store(true)
				unlimited.Store(true)
			}
		} else {
			down.Store(now >= downFrom && now < downTo)
		}
		for first += ill / 20; first >= 1; first-- {
			go (&hook{0, make([]byte, 3*lab.KiB)}).deliver()
		}
		for others += well / 20; others >= 1; others-- {
			go (&hook{1 + lab.Rand.IntN(9), make([]byte, 3*lab.KiB)}).deliver()
		}
		lab.Garbage(lab.MiB)
	})
}
