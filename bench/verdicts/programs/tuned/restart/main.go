// Restart warms up, works and is replaced by a fresh process on the same address after -after ticks, -times times.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	after = flag.Float64("after", 50, "ticks a process lives")
	times = flag.Int("times", 1, "restarts")
	keys  = flag.Int("keys", 9000, "keys there are")
)

type cache struct{ values map[int][]byte }

func (c *cache) get(key int) []byte {
	if value, ok := c.values[key]; ok {
		return value
	}
	value := make([]byte, 4*lab.KiB+key%25*lab.KiB)
	c.values[key] = value
	return value
}

func main() {
	lab.Start()
	c := &cache{values: map[int][]byte{}}
	lab.Forever(20, func(now float64) {
		if *times > 0 && now > *after {
			lab.Restart("-times", fmt.Sprint(*times-1))
		}
		lab.Garbage(2 * lab.MiB)
		for range 50 {
			c.get(lab.Rand.IntN(*keys))
		}
	})
}
