// Gateway holds visitors' sessions in a heap by expiry; traffic has a daily rhythm. With -leak a visitor who logs in is
// taken out of the heap to get a longer expiry and is not put back, so that nothing ever expires that session.
package main

import (
	"container/heap"
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	leak   = flag.Bool("leak", false, "forget to push sessions that logged in")
	onset  = flag.Float64("onset", 62, "tick of the release that forgets")
	day    = flag.Float64("day", 60, "ticks of a day")
	mean   = flag.Float64("mean", 90, "mean new sessions a tick")
	expiry = flag.Float64("expiry", 20, "ticks until a session expires")
)

type session struct {
	id      uint64
	expires float64
	at      int
	cart    []byte
	roles   []string
}

type expiring []*session

func (e expiring) Len() int           { return len(e) }
func (e expiring) Less(i, j int) bool { return e[i].expires < e[j].expires }
func (e expiring) Swap(i, j int)      { e[i], e[j] = e[j], e[i]; e[i].at = i; e[j].at = j }
func (e *expiring) Push(x any)        { s := x.(*session); s.at = len(*e); *e = append(*e, s) }
func (e *expiring) Pop() any {
	last := len(*e) - 1
	s := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return s
}

type store struct {
	byID  map[uint64]*session
	order expiring
}

//go:noinline
func (s *store) begin(id uint64, now float64) *session {
	v := &session{id: id, expires: now + *expiry, cart: make([]byte, 8*lab.KiB+lab.Rand.IntN(32*lab.KiB))}
	v.cart[0] = 1
	v.roles = append(v.roles, "guest")
	s.byID[id] = v
	heap.Push(&s.order, v)
	return v
}

func (s *store) login(v *session, now float64, forget bool) {
	heap.Remove(&s.order, v.at)
	v.expires = now + 1.3**expiry
	v.roles = append(v.roles, "customer")
	if !forget {
		heap.Push(&s.order, v)
	}
}

func (s *store) expire(now float64) {
	for len(s.order) > 0 && s.order[0].expires < now {
		delete(s.byID, heap.Pop(&s.order).(*session).id)
	}
}

func main() {
	lab.Start()
	s := &store{byID: map[uint64]*session{}}
	owed := 0.0
	lab.Forever(20, func(now float64) {
		forget := *leak && lab.Leaks(now, *onset)
		owed += *mean / 20 * (1 - 0.85*math.Cos(2*math.Pi*now / *day)) * (0.7 + 0.6*lab.Rand.Float64())
		for ; owed > 1; owed-- {
			v := s.begin(lab.Rand.Uint64(), now)
			if lab.Rand.IntN(100) < 23 {
				s.login(v, now, forget)
			}
		}
		s.expire(now)
		lab.Garbage(500 * lab.KiB)
	})
}
