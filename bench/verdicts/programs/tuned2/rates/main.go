// Rates quotes prices from tariff tables. The tables of the running season are small; those of the next one, or of the
// archive, arrive as one transfer of even pace long after the start, and then all of them are there.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	from  = flag.Float64("from", 60, "tick at which the transfer begins")
	ticks = flag.Float64("ticks", 14, "how long it takes")
	mib   = flag.Float64("mib", 190, "how much comes")
	base  = flag.Float64("base", 25, "MiB there from the start")
)

type tariff struct {
	origin, destination uint32
	bands               []float64
}

type table struct{ byRoute map[uint64][]*tariff }

//go:noinline
func parse(bands int) *tariff {
	t := &tariff{origin: lab.Rand.Uint32N(900), destination: lab.Rand.Uint32N(900), bands: make([]float64, bands)}
	for i := range t.bands {
		t.bands[i] = float64(i) * 1.19
	}
	return t
}

func (t *table) add(r *tariff) {
	key := uint64(r.origin)<<32 | uint64(r.destination)
	t.byRoute[key] = append(t.byRoute[key], r)
}

func (t *table) quote() float64 {
	best := 0.0
	for _, r := range t.byRoute[uint64(lab.Rand.Uint32N(900))<<32|uint64(lab.Rand.Uint32N(900))] {
		best = max(best, r.bands[len(r.bands)-1])
	}
	lab.Garbage(20 * lab.KiB)
	return best
}

func main() {
	lab.Start()
	t := &table{byRoute: map[uint64][]*tariff{}}
	loaded := 0.0
	lab.Forever(20, func(now float64) {
		due := *base + *mib*min(1, max(0, (now-*from)/(*ticks)))
		for loaded < due*lab.MiB {
			bands := 200 + lab.Rand.IntN(700)
			t.add(parse(bands))
			loaded += float64(8 * bands)
		}
		for range 60 {
			t.quote()
		}
	})
}
