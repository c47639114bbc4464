// Report fans a query out to shards and collects when all are done. Since a change, a worker that finds its shard empty
// returns before it says that it is done, and the collector of that report waits for ever.
package main

import (
	"flag"
	"sync"
	"time"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 24, "tick of the change")

type shard struct {
	rows  int
	delay time.Duration
}

type report struct {
	pending sync.WaitGroup
	mu      sync.Mutex
	rows    []int
}

func (r *report) scan(s shard, hasty bool) {
	time.Sleep(s.delay)
	if hasty && s.rows == 0 {
		return
	}
	defer r.pending.Done()
	r.mu.Lock()
	r.rows = append(r.rows, s.rows)
	r.mu.Unlock()
}

//go:noinline
func (r *report) collect(out chan<- int) {
	r.pending.Wait()
	total := 0
	for _, n := range r.rows {
		total += n
	}
	out <- total
}

func main() {
	lab.Start()
	totals := make(chan int, 64)
	go func() {
		sum := 0
		for n := range totals {
			sum += n
		}
	}()
	lab.Forever(50, func(now float64) {
		hasty := lab.Leaks(now, *onset)
		empty := lab.Rand.IntN(100) < 17
		r := &report{}
		hole := lab.Rand.IntN(6)
		for i := range 6 {
			s := shard{rows: 1 + lab.Rand.IntN(5000), delay: lab.Ticks(0.2 + lab.Rand.ExpFloat64()*0.8)}
			if empty && i == hole {
				s.rows = 0
			}
			r.pending.Add(1)
			go r.scan(s, hasty)
		}
		go r.collect(totals)
		lab.Garbage(80 * lab.KiB)
	})
}
