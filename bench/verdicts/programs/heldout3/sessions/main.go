// Command sessions is a store of web sessions with a time to live, of which a supervisor starts a new one in the
// middle. In the leaking one, sessions that expire are struck from the store but not from the list of their user.
package main

import (
	"flag"
	"math"
	"verdicts/internal/lab"
)

type session struct {
	id, user int
	values   map[string][]byte
	touched  float64
}

type store struct {
	byID   map[int]*session
	byUser map[int][]*session
	serial int
}

//go:noinline
func (s *store) login(user int, now float64) {
	s.serial++
	one := &session{id: s.serial, user: user, touched: now, values: map[string][]byte{}}
	for _, name := range [...]string{"profile", "basket", "csrf", "trail"} {
		one.values[name] = make([]byte, 512+lab.Rand.IntN(5*lab.KiB))
	}
	s.byID[one.id] = one
	s.byUser[user] = append(s.byUser[user], one)
}

func (s *store) sweep(now, ttl float64, both bool) {
	for id, one := range s.byID {
		if now-one.touched < ttl {
			continue
		}
		delete(s.byID, id)
		if !both {
			continue
		}
		var rest []*session
		for _, other := range s.byUser[one.user] {
			if other != one {
				rest = append(rest, other)
			}
		}
		if s.byUser[one.user] = rest; rest == nil {
			delete(s.byUser, one.user)
		}
	}
}

func main() {
	leak := flag.Bool("leak", false, "leave them with their users")
	resumed := flag.Bool("resumed", false, "this is the second life")
	at := flag.Float64("restart", 34, "tick")
	ttl := flag.Float64("ttl", 14, "ticks")
	logins := flag.Float64("logins", 7, "a step")
	lab.Start()
	s := &store{byID: map[int]*session{}, byUser: map[int][]*session{}}
	owed := 0.0
	lab.Forever(20, func(now float64) {
		if !*resumed && now > *at {
			lab.Restart("-resumed")
		}
		both := !*leak || !*resumed || !lab.Leaks(now, 19)
		for owed += *logins * (1 + 0.35*math.Sin(now/7)); owed >= 1; owed-- {
			s.login(lab.Rand.IntN(3000), now)
		}
		n := 0
		for _, one := range s.byID {
			one.touched = max(one.touched, now-*ttl*lab.Rand.Float64())
			if n++; n > 2 {
				break
			}
		}
		s.sweep(now, *ttl, both)
		lab.Garbage(200 * lab.KiB)
	})
}
