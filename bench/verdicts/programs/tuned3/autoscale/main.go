// Autoscale adds workers while its queue is longer than it should be, one connection to a slow database each, up to the
// most that the database allows. They then stay.
package main

import (
	"flag"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	most = flag.Int("most", 1500, "workers")
	step = flag.Int("step", 26, "workers added a tick while the queue is long")
)

type task struct {
	id   int
	cost time.Duration
}

type pool struct {
	queue   chan task
	workers int
	done    atomic.Int64
}

//go:noinline
func (p *pool) work() {
	session := make([]byte, 16*lab.KiB)
	for t := range p.queue {
		session[t.id%len(session)]++
		time.Sleep(t.cost)
		p.done.Add(1)
	}
}

func main() {
	lab.Start()
	p := &pool{queue: make(chan task, 4000)}
	id := 0
	lab.Forever(20, func(now float64) {
		for range 20 {
			id++
			select {
			case p.queue <- task{id, lab.Ticks(2 + lab.Rand.Float64()*6)}:
			default:
			}
		}
		for n := 0; n < 1+lab.Rand.IntN(*step/10) && len(p.queue) > 200 && p.workers < *most; n++ {
			p.workers++
			go p.work()
		}
		lab.Garbage(300 * lab.KiB)
	})
}
