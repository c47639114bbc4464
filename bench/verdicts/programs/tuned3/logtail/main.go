// Logtail reads batches of log lines and counts errors by fingerprint. The fingerprint is a substring of its batch, so
// each new one pins the whole batch of 64 KiB. There are few fingerprints until a service logs random error ids.
package main

import (
	"flag"
	"fmt"
	"strings"

	"verdicts/internal/lab"
)

var onset = flag.Float64("onset", 22, "tick at which error ids become random")

type counter struct {
	errors map[string]int
	lines  int
}

var filler = []byte(strings.Repeat("level=info msg=\"request served\" status=200 duration=12ms\n", 1100))

//go:noinline
func receive(code string) []byte {
	batch := make([]byte, 0, 64*lab.KiB)
	batch = append(batch, filler...)
	batch = append(batch, "level=error fingerprint="...)
	batch = append(batch, code...)
	return append(batch, '\n')
}

//go:noinline
func readBatch(raw []byte) string { return string(raw) }

func (c *counter) count(batch string) {
	for {
		i := strings.LastIndex(batch, "fingerprint=")
		if i < 0 {
			return
		}
		rest := batch[i+len("fingerprint="):]
		end := strings.IndexByte(rest, '\n')
		c.errors[rest[:end]]++
		c.lines++
		return
	}
}

func main() {
	lab.Start()
	c := &counter{errors: map[string]int{}}
	n := 0
	lab.Forever(200, func(now float64) {
		n++
		code := fmt.Sprintf("E%03d", min(lab.Rand.IntN(240), lab.Rand.IntN(240)))
		if lab.Leaks(now, *onset) && lab.Rand.IntN(100) < 13 {
			code = fmt.Sprintf("X%08x-%06d", lab.Rand.Uint32(), n)
		}
		c.count(readBatch(receive(code)))
	})
}
