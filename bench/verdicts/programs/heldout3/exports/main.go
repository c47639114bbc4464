// Command exports queues files for its destinations. By day more come than go and the queues are worked off at night;
// in the leaking one a destination is shut down for good at tick 52 and its queue is retried, never dropped.
package main

import (
	"flag"
	"verdicts/internal/lab"
)

type job struct {
	file     []byte
	attempts int
	next     *job
}

type destination struct {
	first, last *job
	waiting     int
	dead        bool
}

//go:noinline
func (d *destination) enqueue(bytes int) {
	j := &job{file: make([]byte, bytes)}
	if d.last == nil {
		d.first = j
	} else {
		d.last.next = j
	}
	d.last = j
	d.waiting++
}

//go:noinline
func (d *destination) send() {
	if d.first == nil {
		return
	}
	compressed := make([]byte, len(d.first.file)/3)
	copy(compressed, d.first.file)
	d.first.attempts++
	if d.dead {
		return
	}
	d.first = d.first.next
	if d.first == nil {
		d.last = nil
	}
	d.waiting--
}

func main() {
	leak := flag.Bool("leak", false, "one destination dies")
	day := flag.Float64("day", 90, "ticks")
	busy := flag.Float64("busy", 1, "how much more comes by day than goes")
	lab.Start()
	var all [5]destination
	owed := 0.0
	lab.Forever(40, func(now float64) {
		if *leak && lab.Leaks(now, 52) {
			all[3].dead = true
		}
		rate := 1.0
		if t := now / *day; t-float64(int(t)) < 0.5 {
			rate += *busy
		} else {
			rate = max(0, rate-*busy*1.25)
		}
		for owed += rate * 5; owed >= 1; owed-- {
			all[lab.Rand.IntN(len(all))].enqueue(8*lab.KiB + lab.Rand.IntN(68*lab.KiB))
		}
		for i := range all {
			all[i].send()
		}
		lab.Garbage(200 * lab.KiB)
	})
}
