// Presence keeps a session per visitor with a timer: an idle session is dropped some time after its last heartbeat.
// With -leak the timer of a session that was closed is not stopped but armed again each time, and holds the session.
package main

import (
	"flag"
	"sync"
	"sync/atomic"
	"time"

	"verdicts/internal/lab"
)

var (
	leak    = flag.Bool("leak", false, "arm the timers of closed sessions again")
	onset   = flag.Float64("onset", 30, "tick of the release with the new timer")
	perTick = flag.Int("rate", 150, "new sessions a tick")
	idle    = flag.Float64("idle", 24, "ticks until an idle session is dropped")
)

type session struct {
	id     int
	closed atomic.Bool
	state  []byte
	timer  *time.Timer
}

type registry struct {
	sync.Mutex
	live map[int]*session
}

// again says that timers of dropped sessions are armed again.
var again atomic.Bool

var sessions = registry{live: map[int]*session{}}

//go:noinline
func newSession(id int) *session {
	s := &session{id: id, state: make([]byte, 8*lab.KiB+id*7919%(20*lab.KiB))}
	s.state[0] = 1
	return s
}

func (r *registry) drop(s *session) {
	s.closed.Store(true)
	r.Lock()
	delete(r.live, s.id)
	r.Unlock()
}

func (s *session) watch() {
	wait := lab.Ticks(*idle)
	s.timer = time.AfterFunc(wait, func() {
		sessions.drop(s)
		if again.Load() {
			s.timer.Reset(wait)
		}
	})
}

func main() {
	lab.Start()
	id := 0
	lab.Forever(50, func(now float64) {
		again.Store(*leak && lab.Leaks(now, *onset))
		for range *perTick / 50 {
			id++
			s := newSession(id)
			sessions.Lock()
			sessions.live[id] = s
			sessions.Unlock()
			s.watch()
		}
		sessions.Lock()
		for range 6 {
			if s := sessions.live[id-lab.Rand.IntN(40**perTick)]; s != nil {
				s.state[1]++
				s.timer.Reset(lab.Ticks(*idle))
			}
		}
		sessions.Unlock()
		lab.Garbage(400 * lab.KiB)
	})
}
