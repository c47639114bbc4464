// Sqlproxy stands before a database and keeps the plan of every statement that it has seen, by the statement's shape:
// its text without the values. An application has so many shapes and no more. From -lists on it sends statements with
// lists of numbers. With -leak such a list is taken for part of the shape, so that nearly each statement is a new one.
package main

import (
	"flag"
	"fmt"
	"strings"

	"verdicts/internal/lab"
)

var (
	leak   = flag.Bool("leak", false, "leave the lists in the shape")
	lists  = flag.Float64("lists", 55, "tick from which statements have lists")
	shapes = flag.Int("shapes", 6000, "shapes that the application has")
	lookup = flag.Int("statements", 1400, "statements in a tick")
	trash  = flag.Int("garbage", 24, "MiB in a tick that die at once")
)

const steps = 20

type plan struct {
	shape string
	nodes []byte
	used  int
}

type proxy struct {
	plans map[string]*plan
}

// shape replaces what stands between parentheses.
func shape(statement string) string {
	if *leak {
		return statement
	}
	from := strings.IndexByte(statement, '(')
	if from < 0 {
		return statement
	}
	to := strings.IndexByte(statement[from:], ')')
	return statement[:from] + "(?)" + statement[from+to+1:]
}

//go:noinline
func (p *proxy) prepare(shape string) *plan {
	pl := &plan{shape: shape, nodes: make([]byte, 2*lab.KiB+lab.Rand.IntN(2*lab.KiB))}
	p.plans[shape] = pl
	return pl
}

func (p *proxy) run(statement string) {
	s := shape(statement)
	pl := p.plans[s]
	if pl == nil {
		pl = p.prepare(s)
	}
	pl.used++
}

func statement(now float64) string {
	// Not all shapes are equally common: the square favours the low numbers a little.
	n := lab.Rand.IntN(*shapes)
	if lab.Rand.IntN(3) == 0 {
		n = n * n / *shapes
	}
	if n%6 == 0 && now >= *lists {
		return fmt.Sprintf("SELECT c%d FROM orders WHERE id IN (%d,%d,%d) AND shop = ?",
			n, lab.Rand.IntN(1e6), lab.Rand.IntN(1e6), lab.Rand.IntN(1e6))
	}
	return fmt.Sprintf("SELECT c%d FROM orders WHERE day = ? AND shop = ? ORDER BY c%d", n, n%17)
}

func main() {
	lab.Start()
	p := &proxy{plans: map[string]*plan{}}
	lab.Forever(steps, func(now float64) {
		if *leak {
			lab.Leaks(now, *lists)
		}
		lab.Garbage(*trash * lab.MiB / steps)
		for range *lookup / steps {
			p.run(statement(now))
		}
	})
}
