// Lexicon learns a corpus of texts: words and where they occur. A corpus that repeats itself brings fewer new words with
// every tick; one that comes in volumes brings them in parcels, with pauses in between. It ends in either case.
package main

import (
	"flag"
	"fmt"
	"math"

	"verdicts/internal/lab"
)

var (
	volumes = flag.Bool("volumes", false, "in parcels")
	from    = flag.Float64("from", 15, "tick of the first text")
	ticks   = flag.Float64("ticks", 36, "how long the corpus is")
	mib     = flag.Float64("mib", 160, "how much is learnt")
)

type entry struct {
	word     string
	postings []uint32
}

type lexicon struct{ entries map[string]*entry }

//go:noinline
func (l *lexicon) learn(n int) {
	scratch := make([]byte, lab.KiB+n)
	word := fmt.Sprintf("%x-%d", lab.Rand.Uint64(), n)
	copy(scratch, word)
	l.entries[word] = &entry{word: string(scratch[:len(word)]), postings: make([]uint32, n)}
}

type volume struct{ from, ticks, share float64 }

func parcels() []volume {
	var all []volume
	total := 0.0
	for at := 0.0; at < *ticks-3; {
		v := volume{at, 1 + 2.5*lab.Rand.Float64(), 0.3 + lab.Rand.Float64()}
		total += v.share
		all = append(all, v)
		at += v.ticks + 1 + 5*lab.Rand.Float64()
	}
	for i := range all {
		all[i].share /= total
	}
	return all
}

func main() {
	lab.Start()
	l := &lexicon{entries: map[string]*entry{}}
	all := parcels()
	loaded := 0.0
	lab.Forever(20, func(now float64) {
		age := min(*ticks, max(0, now-*from))
		share := 0.0
		if *volumes {
			for _, v := range all {
				share += v.share * min(1, max(0, (age-v.from)/v.ticks))
			}
		} else {
			share = (1 - math.Exp(-age/14)) / (1 - math.Exp(-*ticks/14))
		}
		for loaded < share*(*mib)*lab.MiB {
			n := 100 + lab.Rand.IntN(1500)
			l.learn(n)
			loaded += float64(4 * n)
		}
		lab.Garbage(lab.MiB)
	})
}
