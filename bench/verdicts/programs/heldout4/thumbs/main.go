// Thumbs decodes uploaded pictures, makes small ones of them and counts the decoded bytes down in a finalizer. Recent
// pictures can be found again as long as the collector has not taken them. From -animated on some have frames. With
// -leak a frame points to its picture, and a cycle with a finalizer in it is never collected.
package main

import (
	"flag"
	"runtime"
	"sync/atomic"
	"weak"

	"verdicts/internal/lab"
)

var (
	leak     = flag.Bool("leak", false, "let frames point to their pictures")
	animated = flag.Float64("animated", 105, "tick from which pictures are animated")
	uploads  = flag.Int("uploads", 120, "pictures in a tick")
	warm     = flag.Int("warm", 30, "MiB of fonts and templates that stay")
)

const steps = 20

type picture struct {
	pixels []byte
	frames []*frame
}

type frame struct {
	owner *picture
	delta []byte
}

type server struct {
	decoded atomic.Int64
	recent  [4096]weak.Pointer[picture]
	small   [512][]byte
	hits    int
	n       int
}

//go:noinline
func (s *server) decode(moving bool) *picture {
	p := &picture{pixels: make([]byte, 32*lab.KiB+lab.Rand.IntN(96*lab.KiB))}
	if moving {
		for range 2 {
			f := &frame{delta: make([]byte, 2*lab.KiB)}
			if *leak {
				f.owner = p
			}
			p.frames = append(p.frames, f)
		}
	}
	s.decoded.Add(int64(len(p.pixels)))
	runtime.SetFinalizer(p, func(p *picture) { s.decoded.Add(-int64(len(p.pixels))) })
	return p
}

func (s *server) upload(moving bool) {
	s.n++
	p := s.decode(moving)
	thumb := make([]byte, 4*lab.KiB)
	copy(thumb, p.pixels)
	s.small[s.n%len(s.small)] = thumb
	s.recent[s.n%len(s.recent)] = weak.Make(p)
}

func main() {
	lab.Start()
	s := &server{}
	var fonts [][]byte
	for range *warm {
		fonts = append(fonts, make([]byte, lab.MiB))
	}
	lab.Forever(steps, func(now float64) {
		lab.Garbage(lab.MiB / steps)
		for range *uploads / steps {
			moving := now >= *animated && lab.Rand.IntN(100) < 32
			if moving && *leak {
				lab.Leaks(now, 0)
			}
			s.upload(moving)
			if s.recent[lab.Rand.IntN(len(s.recent))].Value() != nil {
				s.hits++
			}
		}
		fonts[s.n%len(fonts)][0]++
	})
}
