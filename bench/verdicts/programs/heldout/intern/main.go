// Program intern keeps one copy of every statement text that its tracer sees. A new client writes the values into the
// text instead of binding them, so that a part of the statements are never seen twice.
package main

import (
	"fmt"
	"strings"

	"verdicts/internal/lab"
)

const (
	perTick    = 30
	statements = 150 // a turn
	onset      = 30
	perLiteral = 8 // one in so many statements carries its values
)

type interner struct{ texts map[string]string }

func (t *interner) intern(text string) string {
	if known, ok := t.texts[text]; ok {
		return known
	}
	text = strings.Clone(text)
	t.texts[text] = text
	return text
}

func statement(value uint64) string {
	return fmt.Sprintf("SELECT %s FROM orders WHERE id = %d", strings.Repeat("column_name, ", 140), value)
}

var traced string

func main() {
	lab.Start()
	t := &interner{texts: map[string]string{}}
	seen, leaking := 0, false
	lab.Forever(perTick, func(now float64) {
		if !leaking && now >= onset {
			leaking = true
			lab.Onset()
		}
		for range statements {
			seen++
			value := lab.Rand.Uint64N(12000) // the bound statements are a large but limited set
			if leaking && seen%perLiteral == 0 {
				value = lab.Rand.Uint64()
			}
			traced = t.intern(statement(value))
		}
	})
}
