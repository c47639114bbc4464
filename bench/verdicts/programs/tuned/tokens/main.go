// Tokens reads bodies of 20 to 100 KiB and remembers the session id in each, of 32 characters. With -leak the id is a
// slice of the body and keeps all of it; without, it is copied. A copied id is a
// few bytes.
package main

import (
	"flag"
	"strings"
	"unsafe"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "slice the id out of the body")
	onset = flag.Float64("onset", 20, "tick from which ids are remembered")
)

type sessions struct{ seen []string }

func receive(size int) string {
	body := make([]byte, size)
	for n := range 32 {
		body[100+n] = 'a' + byte(lab.Rand.IntN(26))
	}
	return unsafe.String(&body[0], len(body))
}

func (s *sessions) remember(body string) {
	id := body[100:132]
	if !*leak {
		id = strings.Clone(id)
	}
	s.seen = append(s.seen, id)
}

func main() {
	lab.Start()
	table := make([]byte, 40*lab.MiB)
	s := &sessions{}
	lab.Forever(20, func(now float64) {
		lab.Garbage(lab.MiB)
		table[lab.Rand.IntN(len(table))]++
		for range 20 {
			body := receive(20*lab.KiB + lab.Rand.IntN(80*lab.KiB))
			// One request in seven signs in.
			if lab.Rand.IntN(7) > 0 || now < *onset {
				continue
			}
			if *leak {
				lab.Leaks(now, *onset)
			}
			s.remember(body)
		}
	})
}
