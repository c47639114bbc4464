// Program bus lets requests listen to an event bus while they run. A request that fails leaves by an early return,
// past the call that takes its listener off the bus again. Failures come in bursts, whenever the mail campaign runs.
package main

import (
	"errors"
	"sync"

	"verdicts/internal/lab"
)

const (
	perTick  = 50
	requests = 8 // a turn
	first    = 27.0
	every    = 9.0
	burst    = 1.0 // ticks that a campaign takes
)

type bus struct {
	mu        sync.Mutex
	next      int
	listeners map[int]func(event string) int
}

func (b *bus) listen(f func(event string) int) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	id := b.next
	b.listeners[id] = f
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, id)
	}
}

func decode(size int) []byte { return make([]byte, size) }

var errRefused = errors.New("refused by the mail host")

func handle(b *bus, refused bool) error {
	attachment := decode(64<<10 + lab.Rand.IntN(64<<10))
	stop := b.listen(func(event string) int { return len(event) + len(attachment) })
	if refused {
		return errRefused
	}
	stop()
	return nil
}

func main() {
	lab.Start()
	b := &bus{listeners: map[int]func(string) int{}}
	templates := make([][]byte, 0, 30)
	for range cap(templates) {
		templates = append(templates, make([]byte, 1<<20))
	}
	next, began := first, false
	lab.Forever(perTick, func(now float64) {
		campaign := now >= next
		if campaign && now >= next+burst {
			next += every
			campaign = false
		}
		if campaign && !began {
			began = true
			lab.Onset()
		}
		for range requests {
			_ = handle(b, campaign && lab.Rand.IntN(100) < 90)
		}
		templates[lab.Rand.IntN(len(templates))][0]++
	})
}
