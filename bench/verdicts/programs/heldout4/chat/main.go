// Chat holds the sessions of a chat server: each has a goroutine that reads what its client says and one that writes
// what others say. As many are online as the time of day has it. From -kicks on the server throws idle clients out.
// With -leak that ends the reader, but nobody closes the channel that the writer waits on.
package main

import (
	"flag"
	"math"
	"sync/atomic"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "leave the writers of idle clients alone")
	kicks = flag.Float64("kicks", 20, "tick from which idle clients are thrown out")
	day   = flag.Float64("day", 60, "ticks in a day")
	least = flag.Int("least", 60, "clients online at night")
	peak  = flag.Int("peak", 260, "clients online at noon")
)

const steps = 20

type session struct {
	in, out chan string
	scroll  []byte
}

type room struct {
	online  []*session
	read    atomic.Int64
	written atomic.Int64
}

//go:noinline
func (r *room) reader(in chan string) {
	for message := range in {
		r.read.Add(int64(len(message)))
	}
}

//go:noinline
func (r *room) writer(out chan string) {
	for message := range out {
		r.written.Add(int64(len(message)))
	}
}

//go:noinline
func (r *room) join() {
	s := &session{in: make(chan string, 4), out: make(chan string, 4), scroll: make([]byte, 16*lab.KiB)}
	go r.reader(s.in)
	go r.writer(s.out)
	r.online = append(r.online, s)
}

func (r *room) take(i int) *session {
	s := r.online[i]
	last := len(r.online) - 1
	r.online[i], r.online[last] = r.online[last], nil
	r.online = r.online[:last]
	return s
}

// leave is what happens when a client says goodbye.
func (r *room) leave(i int) {
	s := r.take(i)
	close(s.in)
	close(s.out)
}

// kick throws an idle client out.
func (r *room) kick(i int) {
	s := r.take(i)
	close(s.in)
	if !*leak {
		close(s.out)
	}
}

func (r *room) say(i int) {
	r.online[i].in <- "good morning"
	for range 6 {
		select {
		case r.online[lab.Rand.IntN(len(r.online))].out <- "good morning":
		default: // too slow
		}
	}
}

func main() {
	lab.Start()
	r := &room{}
	lab.Forever(steps, func(now float64) {
		lab.Garbage(4 * lab.MiB / steps)
		light := (1 - math.Cos(2*math.Pi*now / *day)) / 2
		want := *least + int(float64(*peak-*least)*light)
		for len(r.online) < want {
			r.join()
		}
		for len(r.online) > want {
			r.leave(lab.Rand.IntN(len(r.online)))
		}
		r.say(lab.Rand.IntN(len(r.online)))
		if now >= *kicks && lab.Rand.IntN(steps) < 6 {
			if *leak {
				lab.Leaks(now, 0)
			}
			r.kick(lab.Rand.IntN(len(r.online)))
			r.join() // most come back at once
		}
	})
}
