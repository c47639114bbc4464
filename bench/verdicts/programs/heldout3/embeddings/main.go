// Command embeddings loads a large set of vectors, with pauses while the disk is slow, and then answers queries.
package main

import (
	"flag"
	"sort"
	"verdicts/internal/lab"
)

type segment struct {
	vectors []float32
	ids     []uint64
}

type store struct{ segments []*segment }

//go:noinline
func (s *store) load(bytes int) {
	raw := make([]byte, bytes/2)
	seg := &segment{vectors: make([]float32, bytes/4), ids: make([]uint64, bytes/512)}
	seg.vectors[0] = float32(len(raw))
	s.segments = append(s.segments, seg)
}

//go:noinline
func (s *store) query() float32 {
	scores := make([]float32, 4096)
	for i := range scores {
		seg := s.segments[lab.Rand.IntN(len(s.segments))]
		scores[i] = seg.vectors[lab.Rand.IntN(len(seg.vectors))]
	}
	sort.Slice(scores[:64], func(i, j int) bool { return scores[i] < scores[j] })
	return scores[0]
}

func main() {
	size := flag.Int("mib", 190, "of the set")
	over := flag.Float64("over", 50, "ticks that the load takes")
	lab.Start()
	s := &store{}
	loaded, pause := 0, 0.0
	lab.Forever(20, func(now float64) {
		if loaded < *size*lab.MiB && now > pause {
			bytes := int(float64(*size) * lab.MiB / *over / 20 * (0.6 + 1.2*lab.Rand.Float64()))
			s.load(bytes)
			loaded += bytes
			if lab.Rand.IntN(90) == 0 {
				pause = now + 4*lab.Rand.Float64()
			}
		}
		if len(s.segments) > 0 && lab.Rand.IntN(3) == 0 {
			s.query()
		}
		lab.Garbage(300 * lab.KiB)
	})
}
