// Renders has pools of workers for each step of its work, started as they are needed, up to a maximum, and kept idle
// when the wave is over. With -leak only the scalers are there, and previews, whose callers are given a deadline by a
// release that is shorter than what large pictures take: the preview then waits for ever to hand over its result.
package main

import (
	"flag"
	"sync"
	"time"

	"verdicts/internal/lab"
)

var leak = flag.Bool("leak", false, "previews without a taker")

const released = 68.0

type job struct{ takes time.Duration }

// decoders wait in a receive.

type decoders struct {
	jobs    chan job
	workers int
}

//go:noinline
func (p *decoders) decode(j job) {
	for {
		time.Sleep(j.takes)
		j = <-p.jobs
	}
}

func (p *decoders) submit(j job) {
	select {
	case p.jobs <- j:
	default:
		if p.workers < 250 {
			p.workers++
			go p.decode(j)
		}
	}
}

// scalers wait in a select.

type scalers struct {
	jobs    chan job
	stop    chan struct{}
	workers int
}

//go:noinline
func (p *scalers) scale(j job) {
	for {
		time.Sleep(j.takes)
		select {
		case j = <-p.jobs:
		case <-p.stop:
			return
		}
	}
}

func (p *scalers) submit(j job) {
	select {
	case p.jobs <- j:
	default:
		if p.workers < 400 {
			p.workers++
			go p.scale(j)
		}
	}
}

// encoders wait for a condition.

type encoders struct {
	mu            sync.Mutex
	more          sync.Cond
	queue         []job
	idle, workers int
}

//go:noinline
func (p *encoders) encode() {
	p.mu.Lock()
	for {
		for len(p.queue) == 0 {
			p.idle++
			p.more.Wait()
			p.idle--
		}
		j := p.queue[0]
		p.queue = p.queue[1:]
		p.mu.Unlock()
		time.Sleep(j.takes)
		p.mu.Lock()
	}
}

func (p *encoders) submit(j job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 100 {
		return
	}
	p.queue = append(p.queue, j)
	if p.idle == 0 && p.workers < 700 {
		p.workers++
		go p.encode()
	}
	p.more.Signal()
}

//go:noinline
func preview(takes time.Duration, result chan<- []byte) {
	time.Sleep(takes)
	result <- make([]byte, 64)
}

func request(takes, deadline time.Duration) {
	result := make(chan []byte)
	go preview(takes, result)
	select {
	case <-result:
	case <-time.After(deadline):
	}
}

// wave is how many jobs run at once: none before from, then evenly up to top, then a part of it.
func wave(now, from, ticks, top float64) float64 {
	switch {
	case now < from:
		return 0
	case now < from+ticks+4:
		return top * min(1, (now-from)/ticks)
	}
	return 0.3 * top
}

func main() {
	lab.Start()
	d := &decoders{jobs: make(chan job)}
	s := &scalers{jobs: make(chan job), stop: make(chan struct{})}
	e := &encoders{}
	e.more.L = &e.mu
	const takes = 3.0
	var owedD, owedS, owedE, owedP float64
	lab.Forever(20, func(now float64) {
		submit := func(owed *float64, level float64, to func(job)) {
			for *owed += level / takes / 20; *owed >= 1; *owed-- {
				to(job{lab.Ticks(takes)})
			}
		}
		if *leak {
			submit(&owedS, wave(now, 10, 28, 420), s.submit)
			deadline := 2.0
			if lab.Leaks(now, released) {
				deadline = 0.5
			}
			for owedP += 160.0 / 20; owedP >= 1; owedP-- {
				large := 0.2
				if lab.Rand.IntN(8) < 3 {
					large = 0.8
				}
				go request(lab.Ticks(large), lab.Ticks(deadline))
			}
		} else {
			submit(&owedD, wave(now, 8, 14, 260), d.submit)
			submit(&owedS, wave(now, 34, 26, 420), s.submit)
			submit(&owedE, wave(now, 78, 16, 730), e.submit)
		}
		lab.Garbage(lab.MiB)
	})
}
