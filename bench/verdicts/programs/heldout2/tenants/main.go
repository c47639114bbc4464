// Tenants loads the data of a tenant when it is moved here and drops it when it moves on.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

type tenant struct{ pages [][]byte }

type server struct {
	active []*tenant
	byName map[int]*tenant
	serial int
}

func (s *server) load(pages int) {
	t := &tenant{}
	for range pages {
		t.pages = append(t.pages, make([]byte, 16*lab.KiB))
	}
	s.serial++
	s.active = append(s.active, t)
	s.byName[s.serial] = t
}

func (s *server) unload(keepName bool) {
	s.active = s.active[1:]
	if !keepName {
		delete(s.byName, s.serial-len(s.active))
	}
}

func main() {
	leak := flag.Bool("leak", false, "leave tenants that move on in the index by name")
	lab.Start()
	s := &server{byName: map[int]*tenant{}}
	for range 4 {
		s.load(700)
	}
	// Two big tenants come to stay; small ones come and go all the time.
	big := []float64{44, 78}
	due := 4.0
	lab.Forever(200, func(now float64) {
		if !*leak && len(big) > 0 && now >= big[0] {
			big = big[1:]
			stay := &tenant{}
			for range 4500 {
				stay.pages = append(stay.pages, make([]byte, 16*lab.KiB))
			}
			s.byName[-len(big)-1] = stay
		}
		if now >= due {
			// Of the two ways to move a tenant, the usual one forgets the index.
			due = now + 2 + lab.Rand.Float64()*2
			s.unload(*leak && lab.Rand.IntN(10) < 9 && lab.Leaks(now, 20))
			s.load(600 + lab.Rand.IntN(200))
		}
		page := s.active[lab.Rand.IntN(len(s.active))]
		page.pages[lab.Rand.IntN(len(page.pages))] = make([]byte, 16*lab.KiB)
		lab.Garbage(150 * lab.KiB)
	})
}
