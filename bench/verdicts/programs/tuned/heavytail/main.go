// Heavytail holds answers whose sizes and lives follow a Pareto law: most are small and short, few are huge, and the
// sum jumps.
package main

import (
	"flag"
	"math"

	"verdicts/internal/lab"
)

var (
	shape = flag.Float64("shape", 1.3, "of the law of sizes; the smaller the wilder")
	rate  = flag.Int("rate", 100, "answers a tick")
)

type answer struct {
	body []byte
	dies float64
}

func compute(size int) []byte { return make([]byte, size) }

func pareto(least, most, shape float64) float64 {
	return min(least*math.Pow(1-lab.Rand.Float64(), -1/shape), most)
}

func main() {
	lab.Start()
	static := make([]byte, 40*lab.MiB)
	var live []answer
	lab.Forever(20, func(now float64) {
		lab.Garbage(2 * lab.MiB)
		static[lab.Rand.IntN(len(static))]++
		kept := live[:0]
		for _, a := range live {
			if now < a.dies {
				kept = append(kept, a)
			}
		}
		clear(live[len(kept):])
		live = kept
		for range *rate / 20 {
			body := compute(int(pareto(30*lab.KiB, 60*lab.MiB, *shape)))
			live = append(live, answer{body, now + pareto(1, 20, 1.5)})
		}
	})
}
