// Audit records every access in memory. With -leak nobody takes the entries; without, they are written out and dropped
// whenever there are 400,000.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "never write out")
	onset = flag.Float64("onset", 20, "tick of the first entry")
)

type entry struct {
	actor, verb, path string
	at                int64
}

type audit struct{ entries []entry }

func (a *audit) record(n int) {
	a.entries = append(a.entries, entry{
		actor: fmt.Sprintf("user-%06d", lab.Rand.IntN(1000000)),
		verb:  "GET",
		path:  fmt.Sprintf("/api/v1/namespaces/team-%03d/objects/%012d", lab.Rand.IntN(1000), n),
	})
}

func main() {
	lab.Start()
	a := &audit{}
	accounts := make([]byte, 60*lab.MiB)
	n := 0
	lab.Forever(50, func(now float64) {
		lab.Garbage(lab.MiB)
		accounts[lab.Rand.IntN(len(accounts))]++
		if now < *onset {
			return
		}
		if *leak {
			lab.Leaks(now, *onset)
		} else if len(a.entries) > 400000 {
			a.entries = nil
		}
		for range 500 {
			n++
			a.record(n)
		}
	})
}
