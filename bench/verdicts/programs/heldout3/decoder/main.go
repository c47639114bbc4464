// Command decoder takes frame buffers from a free list that is never shrunk. It holds as many buffers as streams ever
// played at once, and that record is broken ever more rarely, at most by the licence's limit.
package main

import (
	"flag"
	"math"
	"verdicts/internal/lab"
)

type frame struct {
	pixels []byte
	played float64
}

type pool struct {
	free []*frame
	made int
}

//go:noinline
func (p *pool) get() *frame {
	if n := len(p.free); n > 0 {
		f := p.free[n-1]
		p.free = p.free[:n-1]
		return f
	}
	p.made++
	return &frame{pixels: make([]byte, 320*lab.KiB)}
}

//go:noinline
func (p *pool) decode(f *frame) byte {
	packet := make([]byte, 12*lab.KiB)
	copy(f.pixels, packet)
	return f.pixels[0]
}

func main() {
	limit := flag.Int("streams", 420, "allowed at once")
	mean := flag.Float64("mean", 240, "streams at once")
	lab.Start()
	p := &pool{}
	var playing []*frame
	level := 0.3
	lab.Forever(30, func(now float64) {
		level += (1-level)*0.0015 + 0.02*lab.Rand.NormFloat64()
		level = max(0.1, min(2, level))
		want := min(*limit, int(*mean*level*(1+0.25*math.Sin(now/5))))
		for len(playing) < want {
			f := p.get()
			f.played = now
			playing = append(playing, f)
		}
		for len(playing) > want {
			last := len(playing) - 1
			p.free = append(p.free, playing[last])
			playing = playing[:last]
		}
		for range 6 {
			if len(playing) > 0 {
				p.decode(playing[lab.Rand.IntN(len(playing))])
			}
		}
		lab.Garbage(150 * lab.KiB)
	})
}
