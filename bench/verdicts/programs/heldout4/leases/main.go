// Leases grants leases that end after -ttl ticks unless renewed. A lease carries the state that its client stored with
// it, and a timer ends it. From -v2 on clients send new state with a renewal. With -leak such a renewal starts another
// timer and does not stop the one before, which keeps the state before until the far end of its time.
package main

import (
	"flag"
	"sync"
	"time"

	"verdicts/internal/lab"
)

var (
	leak     = flag.Bool("leak", false, "do not stop the timer of a renewed lease")
	v2       = flag.Float64("v2", 25, "tick from which renewals carry state")
	ttl      = flag.Float64("ttl", 100000, "ticks that a lease lasts")
	initial  = flag.Int("initial", 2500, "leases granted at start")
	grants   = flag.Int("grants", 0, "leases granted in a tick")
	renewals = flag.Int("renewals", 280, "leases renewed in a tick")
)

const steps = 20

type lease struct {
	id    int
	state []byte
	timer *time.Timer
}

type registry struct {
	mu     sync.Mutex
	leases map[int]*lease
	last   int
}

//go:noinline
func (r *registry) state() []byte {
	state := make([]byte, 4*lab.KiB+lab.Rand.IntN(8*lab.KiB))
	state[0] = 1
	return state
}

//go:noinline
func (r *registry) arm(l *lease) {
	l.timer = time.AfterFunc(lab.Ticks(*ttl), func() { r.expire(l) })
}

func (r *registry) expire(l *lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leases[l.id] == l {
		delete(r.leases, l.id)
	}
}

func (r *registry) grant() {
	r.last++
	l := &lease{id: r.last, state: r.state()}
	r.arm(l)
	r.leases[l.id] = l
}

func (r *registry) renew(id int, withState bool) {
	old := r.leases[id]
	if old == nil {
		return // ended meanwhile
	}
	if !withState {
		old.timer.Reset(lab.Ticks(*ttl))
		return
	}
	if !*leak {
		old.timer.Stop()
	}
	l := &lease{id: id, state: r.state()}
	r.arm(l)
	r.leases[id] = l
}

func main() {
	lab.Start()
	r := &registry{leases: map[int]*lease{}}
	r.mu.Lock()
	for range *initial {
		r.grant()
	}
	r.mu.Unlock()
	lab.Forever(steps, func(now float64) {
		if *leak {
			lab.Leaks(now, *v2)
		}
		lab.Garbage(6 * lab.MiB / steps)
		r.mu.Lock()
		defer r.mu.Unlock()
		for range *grants / steps {
			r.grant()
		}
		for range *renewals / steps {
			// Only the leases of the start are ever renewed; the others are for a single run of something.
			r.renew(1+lab.Rand.IntN(max(1, *initial)), now >= *v2)
		}
	})
}
