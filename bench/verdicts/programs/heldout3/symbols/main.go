// Command symbols interns the label values of metrics. A real vocabulary is met again and again until all of it is
// known; the leaking one is sent trace ids as labels by a client that was released at tick 60.
package main

import (
	"flag"
	"fmt"
	"verdicts/internal/lab"
)

type symbol struct {
	name  string
	id    uint32
	uses  int64
	hist  [20]int64
	alias *string
}

type table struct {
	byName map[string]*symbol
}

//go:noinline
func (t *table) intern(value string) *symbol {
	scratch := make([]byte, len(value), len(value)+64)
	copy(scratch, value)
	if s, known := t.byName[string(scratch)]; known {
		s.uses++
		return s
	}
	s := &symbol{name: string(scratch), id: uint32(len(t.byName))}
	t.byName[s.name] = s
	return s
}

func main() {
	leak := flag.Bool("leak", false, "intern trace ids too")
	words := flag.Int("words", 50000, "of the vocabulary")
	draws := flag.Int("draws", 5000, "a tick")
	lab.Start()
	t := &table{byName: map[string]*symbol{}}
	lab.Forever(25, func(now float64) {
		for range *draws / 25 {
			word := lab.Rand.IntN(*words)
			if lab.Rand.IntN(3) == 0 {
				word = int(float64(*words) * lab.Rand.Float64() * lab.Rand.Float64())
			}
			t.intern(fmt.Sprintf("service/%d/endpoint-with-a-name/%d", word%13, word))
		}
		if *leak && lab.Leaks(now, 60) {
			for range 70 {
				t.intern(fmt.Sprintf("trace/%016x%016x", lab.Rand.Uint64(), lab.Rand.Uint64()))
			}
		}
		lab.Garbage(250 * lab.KiB)
	})
}
