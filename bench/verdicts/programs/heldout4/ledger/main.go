// Ledger posts entries to accounts and closes the books every -every ticks: a closing holds a statement for each
// account. Closings are kept for -keep periods. From -corrections on each period is corrected some time after it was
// closed, which adds a second revision of its statements. With -leak pruning removes the first revision only.
package main

import (
	"flag"

	"verdicts/internal/lab"
)

var (
	leak        = flag.Bool("leak", false, "prune the first revision only")
	corrections = flag.Float64("corrections", 50, "tick from which periods are corrected")
	every       = flag.Int("every", 20, "ticks in a period")
	keep        = flag.Int("keep", 3, "periods kept")
	size        = flag.Int("size", 20, "MiB of statements in a closing, roughly")
)

const steps = 20

type key struct{ period, revision int }

type closing struct {
	statements [][]byte
}

type ledger struct {
	balances []int64
	closings map[key]*closing
	period   int
}

// close writes the statements of all accounts; how long they are depends on what was posted.
//
//go:noinline
func (l *ledger) close(revision int) {
	c := &closing{}
	for want := *size * lab.MiB * (85 + lab.Rand.IntN(30)) / 100; want > 0; {
		n := 2*lab.KiB + lab.Rand.IntN(30*lab.KiB)
		statement := make([]byte, n)
		statement[0] = byte(l.balances[n%len(l.balances)])
		c.statements = append(c.statements, statement)
		want -= n
	}
	l.closings[key{l.period, revision}] = c
}

func (l *ledger) prune() {
	old := l.period - *keep
	delete(l.closings, key{old, 0})
	if !*leak {
		delete(l.closings, key{old, 1})
	}
}

func (l *ledger) post() {
	from, to := lab.Rand.IntN(len(l.balances)), lab.Rand.IntN(len(l.balances))
	amount := lab.Rand.Int64N(10000)
	l.balances[from] -= amount
	l.balances[to] += amount
}

func main() {
	lab.Start()
	l := &ledger{balances: make([]int64, 200000), closings: map[key]*closing{}}
	corrected := 0
	lab.Forever(steps, func(now float64) {
		// Fewer entries at night than at noon, so the garbage of parsing them goes up and down.
		day := int(now) % *every
		lab.Garbage((2 + day/2) * lab.MiB / steps)
		for range 500 {
			l.post()
		}
		if int(now) / *every > l.period {
			l.period++
			l.prune()
			l.close(0)
		}
		if day >= 5 && corrected < l.period && now >= *corrections {
			corrected = l.period
			if *leak {
				lab.Leaks(now, 0)
			}
			l.close(1)
		}
	})
}
