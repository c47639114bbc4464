// Command ledger posts transactions all day and matches them at night against the bank's statement. What finds no match
// is written off after three nights; the leaking one looks for it under a reference that the bank no longer sends.
package main

import (
	"flag"
	"verdicts/internal/lab"
)

const day = 22

type posting struct {
	reference uint64
	cents     int64
	nights    int
	memo      []byte
}

type ledger struct {
	open    map[uint64]*posting
	carried map[uint64]*posting
	next    uint64
}

//go:noinline
func (l *ledger) post() {
	l.next++
	p := &posting{reference: l.next * 0x9e3779b97f4a7c15, cents: lab.Rand.Int64N(1e6)}
	p.memo = make([]byte, 180+lab.Rand.IntN(300))
	l.open[p.reference] = p
}

//go:noinline
func statement() [][]byte {
	var pages [][]byte
	for range 6 {
		pages = append(pages, make([]byte, 4*lab.MiB+lab.Rand.IntN(4*lab.MiB)))
	}
	return pages
}

func (l *ledger) match(writeOff bool) {
	if writeOff {
		for ref, p := range l.carried {
			if p.nights++; p.nights >= 3 {
				delete(l.carried, ref)
			}
		}
	}
	for ref, p := range l.open {
		if ref%100 < 27 {
			l.carried[ref] = p
		}
	}
	l.open = map[uint64]*posting{}
}

func main() {
	leak := flag.Bool("leak", false, "do not write off")
	perTick := flag.Int("postings", 5000, "in a tick")
	lab.Start()
	l := &ledger{open: map[uint64]*posting{}, carried: map[uint64]*posting{}}
	var pages [][]byte
	night := 0
	lab.Forever(20, func(now float64) {
		writeOff := !*leak || !lab.Leaks(now, 44)
		for range *perTick / 20 {
			l.post()
		}
		hour := int(now) % day
		if hour == day-4 && pages == nil {
			pages = statement()
		}
		if n := int(now) / day; n > night {
			night = n
			l.match(writeOff)
			pages = nil
		}
		lab.Garbage(100 * lab.KiB)
	})
}
