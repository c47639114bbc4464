// Lsp is a language server: an editor opens, edits and closes files, and every edit makes a new version with new
// diagnostics. With -leak the diagnostics of superseded versions stay, since pull diagnostics are keyed by file and
// version and only the last version is dropped.
package main

import (
	"flag"
	"fmt"

	"verdicts/internal/lab"
)

var (
	leak  = flag.Bool("leak", false, "keep diagnostics of old versions")
	onset = flag.Float64("onset", 40, "tick of the switch to pull diagnostics")
	low   = flag.Int("low", 60, "fewest open files")
	high  = flag.Int("high", 180, "most open files")
)

type node struct {
	kind     int
	from, to int
	name     string
	children []*node
}

type document struct {
	uri     string
	version int
	text    []byte
	root    *node
}

type diagnostic struct {
	line    int
	message string
	related []int
}

type versioned struct {
	uri     string
	version int
}

type workspace struct {
	open        []*document
	clock       int
	diagnostics map[versioned][]diagnostic
}

//go:noinline
func parse(text []byte, depth int) *node {
	n := &node{kind: depth, to: len(text), name: fmt.Sprintf("decl%d", len(text))}
	if depth == 0 {
		return n
	}
	step := len(text) / 6
	for i := range 6 {
		n.children = append(n.children, parse(text[i*step:(i+1)*step], depth-1))
	}
	return n
}

//go:noinline
func check(d *document) []diagnostic {
	found := make([]diagnostic, 0, 16)
	for i := range 8 + lab.Rand.IntN(8) {
		found = append(found, diagnostic{
			line:    i,
			message: fmt.Sprintf("%s:%d: %-380s", d.uri, d.version, "declared and not used"),
			related: make([]int, 250),
		})
	}
	return found
}

func (w *workspace) add() {
	w.clock++
	d := &document{uri: fmt.Sprintf("file:///src/pkg%d/file%d.go", w.clock%97, w.clock)}
	d.text = make([]byte, 60*lab.KiB+lab.Rand.IntN(500*lab.KiB))
	d.root = parse(d.text, 4)
	w.open = append(w.open, d)
	w.edit(d, false)
}

func (w *workspace) edit(d *document, keep bool) {
	old := versioned{d.uri, d.version}
	w.clock++
	d.version = w.clock
	w.diagnostics[versioned{d.uri, d.version}] = check(d)
	if !keep {
		delete(w.diagnostics, old)
	}
}

func (w *workspace) close(i int) {
	d := w.open[i]
	delete(w.diagnostics, versioned{d.uri, d.version})
	last := len(w.open) - 1
	w.open[i], w.open[last] = w.open[last], nil
	w.open = w.open[:last]
}

func main() {
	lab.Start()
	w := &workspace{diagnostics: map[versioned][]diagnostic{}}
	target := (*low + *high) / 2
	up := true
	lab.Forever(20, func(now float64) {
		keep := *leak && lab.Leaks(now, *onset)
		if lab.Rand.IntN(160) == 0 {
			up = !up
		}
		if up {
			target = min(target+lab.Rand.IntN(2), *high)
		} else {
			target = max(target-lab.Rand.IntN(2), *low)
		}
		for n := 0; len(w.open) < target && n < 3; n++ {
			w.add()
		}
		for n := 0; len(w.open) > target && n < 3; n++ {
			w.close(lab.Rand.IntN(len(w.open)))
		}
		if lab.Rand.IntN(12) == 0 && len(w.open) > 0 {
			w.close(lab.Rand.IntN(len(w.open)))
			w.add()
		}
		if len(w.open) > 0 {
			d := w.open[lab.Rand.IntN(len(w.open))]
			w.edit(d, keep)
			if lab.Rand.IntN(6) == 0 {
				d.root = parse(d.text, 4)
			}
		}
		lab.Garbage(500 * lab.KiB)
	})
}
