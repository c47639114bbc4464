// Tide is a shop: a session lives for some ticks after it is opened, so what is held follows how many people come,
// which rises and falls through the day. With -leak sessions of those who wish to be remembered get no time to live.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	day  = flag.Float64("day", 120, "ticks")
	low  = flag.Float64("low", 20, "MiB at night")
	high = flag.Float64("high", 170, "MiB at the peak")
	leak = flag.Bool("leak", false, "some sessions stay")
)

const (
	live     = 8.0
	released = 70.0
	stay     = 0.7 // MiB a tick
)

type session struct {
	id      uint64
	basket  []byte
	history []uint64
}

type table struct {
	sessions map[uint64]*session
	expiry   []expires
}

type expires struct {
	id uint64
	at float64
}

//go:noinline
func (t *table) open(size int) *session {
	s := &session{id: lab.Rand.Uint64(), basket: make([]byte, size), history: make([]uint64, size/64)}
	t.sessions[s.id] = s
	return s
}

func (t *table) expire(now float64) {
	n := 0
	for n < len(t.expiry) && t.expiry[n].at <= now {
		delete(t.sessions, t.expiry[n].id)
		n++
	}
	t.expiry = append(t.expiry[:0], t.expiry[n:]...)
}

func main() {
	lab.Start()
	t := &table{sessions: map[uint64]*session{}}
	const perTick = 20
	owed, remembered := 0.0, 0.0
	lab.Forever(perTick, func(now float64) {
		t.expire(now)
		if *leak && lab.Leaks(now, released) {
			remembered += stay * lab.MiB / perTick
		}
		level := (*low+*high)/2 - (*high-*low)/2*math.Cos(2*math.Pi*now/(*day))
		level *= 0.95 + 0.1*lab.Rand.Float64()
		for owed += level / live * lab.MiB / perTick; owed > 0; {
			size := (12 + lab.Rand.IntN(36)) * lab.KiB
			s := t.open(size)
			owed -= float64(size) * 9 / 8
			if remembered > 0 && lab.Rand.IntN(4) == 0 {
				remembered -= float64(size) * 9 / 8
				continue
			}
			t.expiry = append(t.expiry, expires{s.id, now + live*(0.9+0.1*lab.Rand.Float64())})
		}
		lab.Garbage(600 * lab.KiB)
	})
}
