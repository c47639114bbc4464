// Tsdb is a time series database: the head block takes chunks in memory and is compacted to disk every now and then,
// which makes a big saw. Series churn, as pods come and go, and compaction removes those of dead pods. With -leak it
// stops doing so.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	leak   = flag.Bool("leak", false, "keep series of dead pods")
	onset  = flag.Float64("onset", 50, "tick after which compaction keeps them")
	period = flag.Float64("period", 30, "ticks between compactions")
	chunks = flag.Int("chunks", 2400, "chunks a tick, of 1 KiB")
)

type series struct {
	labels   [6]string
	postings []uint64
	last     float64
}

type chunk struct {
	ref     uint64
	next    *chunk
	samples [1000]byte
}

type head struct {
	oldest, newest *chunk
	count          int
	series         map[uint64]*series
	ref            uint64
}

//go:noinline
func (h *head) create(now float64) uint64 {
	h.ref++
	s := &series{last: now, postings: make([]uint64, 160)}
	for i := range s.labels {
		s.labels[i] = fmt.Sprintf("label%d=pod-%d-%0100d", i, h.ref, h.ref)
	}
	h.series[h.ref] = s
	return h.ref
}

//go:noinline
func (h *head) append(ref uint64, now float64) {
	c := &chunk{ref: ref}
	if h.newest == nil {
		h.oldest = c
	} else {
		h.newest.next = c
	}
	h.newest = c
	h.count++
	if s := h.series[ref]; s != nil {
		s.last = now
	}
}

func (h *head) compact(now float64, keep bool) {
	for rest := h.count / 4; h.count > rest; h.count-- {
		h.oldest = h.oldest.next
	}
	if keep {
		return
	}
	for ref, s := range h.series {
		if now-s.last > 8 {
			delete(h.series, ref)
		}
	}
}

func main() {
	lab.Start()
	h := &head{series: map[uint64]*series{}}
	pods := make([]uint64, 2000)
	for i := range pods {
		pods[i] = h.create(0)
	}
	due := *period
	lab.Forever(40, func(now float64) {
		for range 6 {
			pods[lab.Rand.IntN(len(pods))] = h.create(now)
		}
		for range *chunks / 40 {
			h.append(pods[lab.Rand.IntN(len(pods))], now)
		}
		if now >= due {
			h.compact(now, *leak && lab.Leaks(now, *onset))
			due += *period * (0.9 + lab.Rand.Float64()*0.2)
		}
		lab.Garbage(250 * lab.KiB)
	})
}
