// Daily holds sessions as a day's load asks for them: a sine between night and noon, and some noise.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	period = flag.Float64("period", 80, "ticks of a day")
	start  = flag.Float64("start", 0, "part of the day at which the recording begins; 0 is night")
	noon   = flag.Float64("noon", 260, "MiB at noon")
	night  = flag.Float64("night", 60, "MiB at night")
)

type session struct{ state []byte }

type server struct {
	sessions []*session
	bytes    int
}

func (s *server) login() {
	one := &session{state: make([]byte, 10*lab.KiB+lab.Rand.IntN(60*lab.KiB))}
	s.sessions = append(s.sessions, one)
	s.bytes += len(one.state)
}

func (s *server) logout() {
	n, last := lab.Rand.IntN(len(s.sessions)), len(s.sessions)-1
	s.bytes -= len(s.sessions[n].state)
	s.sessions[n], s.sessions[last] = s.sessions[last], nil
	s.sessions = s.sessions[:last]
}

func main() {
	lab.Start()
	s := &server{}
	lab.Forever(10, func(now float64) {
		day := 0.5 - 0.5*math.Cos(2*math.Pi*(now / *period + *start))
		lab.Garbage(int((3 + 3*day) * lab.MiB))
		target := int((*night + (*noon-*night)*day + 4*lab.Rand.NormFloat64()) * lab.MiB)
		for s.bytes < target {
			s.login()
		}
		for s.bytes > target {
			s.logout()
		}
		// Whoever is there comes and goes.
		for range 20 {
			s.logout()
			s.login()
		}
	})
}
